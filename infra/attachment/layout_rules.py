"""Which changes of the layout hide or strand rows that exist, and the way out of each.

A layout is what rows in the bucket, the delivery stream and the Glue catalog have in common. The rules
compare the wanted layout with the deployed one; nothing here makes a call.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

# What the way out is when files of two layouts cannot be one table.
ANOTHER_STACK = (
    "Keep the old value, or archive the new layout with a second stack: detach and drain this one "
    "(ttl-archive drain), then deploy with another stack_name, database and bucket"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the rows of one table are, and where they are. `bucket` is empty for the stack's own bucket.

    `columns` are "name type" in the order of the rows. `key_arn` is empty without a customer key, and
    `readable_key_arns` are the keys that the roles can decrypt with.
    """

    table: str
    database: str
    bucket: str
    date_column: str
    files: str  # jsonl, csv or parquet
    row: str  # flat or envelope; empty where it is unknown
    partition_by: str  # arrival or event; empty where it is unknown
    columns: tuple[str, ...]
    key_arn: str
    readable_key_arns: tuple[str, ...] = ()
    source_backup: bool = False
    table_key: str = ""  # of a table that the stack creates: "id", or "id, at" with a sort key
    source: str = "kinesis"  # kinesis, streams or both

    def to_json(self) -> str:
        """Return the layout as JSON, for a custom resource's property and for the layout record."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what to_json wrote. Raises ValueError, KeyError or TypeError for anything else."""
        found: dict[str, Any] = json.loads(text)
        lists = {name: tuple(found[name]) for name in ("columns", "readable_key_arns")}
        return cls(**{field.name: found[field.name] for field in fields(cls)} | lists)


def incompatible_changes(wanted: Layout, deployed: Layout) -> list[str]:
    """Return one sentence with the way out for each change that must not be made in place."""
    rules = (_identity, _files, _columns, _backup, _table_key, _keys, _source)
    return [text for rule in rules for text in rule(wanted, deployed)]


def _identity(wanted: Layout, deployed: Layout) -> Iterator[str]:
    if wanted.table != deployed.table:
        yield (
            f'[table] name is "{wanted.table}", but this stack archives the table "{deployed.table}". '
            "Deploy the new table as a stack of its own: give it another [deploy] stack_name"
        )
    if wanted.database != deployed.database:
        yield (
            f'[deploy] database is "{wanted.database}", but the deployed Glue database is '
            f'"{deployed.database}". Replacing it would delete every table and view that was added to it. '
            f'Set database = "{deployed.database}"'
        )
    if wanted.bucket != deployed.bucket:
        place = f'bucket = "{deployed.bucket}"' if deployed.bucket else "no bucket key"
        yield (
            f'[deploy] bucket is "{wanted.bucket}", but the rows are in '
            f"{deployed.bucket or 'the bucket of this stack'}, and queries would not find them. "
            f"Keep {place}, or deploy a second stack for the new bucket"
        )


def _files(wanted: Layout, deployed: Layout) -> Iterator[str]:
    changes = {
        "[output] date_column": (wanted.date_column, deployed.date_column),
        "[output] format or [deploy] parquet": (wanted.files, deployed.files),
        "[output] row": (wanted.row, deployed.row),
        "[output] partition_by": (wanted.partition_by, deployed.partition_by),
    }
    for key, (new, old) in changes.items():
        if new and old and new != old:
            yield f'{key} is "{new}", but the deployed value is "{old}". {ANOTHER_STACK}'


def _columns(wanted: Layout, deployed: Layout) -> Iterator[str]:
    """Check CSV. JSON lines and Parquet are read by name, as text, so that any change is safe."""
    new, old = wanted.columns, deployed.columns
    if wanted.files == deployed.files == "csv" and _names(new)[: len(old)] != _names(old):
        yield (
            "[[columns]] changes the order of the CSV columns, which are positional. Deployed: "
            f"{', '.join(_names(old))}. Wanted: {', '.join(_names(new))}. Add columns at the end, and "
            "rename, move or remove none"
        )


def _backup(wanted: Layout, deployed: Layout) -> Iterator[str]:
    if deployed.source_backup and not wanted.source_backup:
        yield (
            "[deploy] source_backup is false, but the deployed delivery stream has a backup, which Firehose "
            "cannot turn off. Set source_backup = true"
        )


def _table_key(wanted: Layout, deployed: Layout) -> Iterator[str]:
    new, old = wanted.table_key, deployed.table_key
    if new and old and new != old:
        yield (
            f'[deploy] partition_key and sort_key are "{new}", but the table was created with "{old}". '
            "The key "
            "of a table cannot change: keep it, or create another table with another [table] name and "
            "stack_name"
        )


def _keys(wanted: Layout, deployed: Layout) -> Iterator[str]:
    lost = {deployed.key_arn, *deployed.readable_key_arns} - {wanted.key_arn, *wanted.readable_key_arns, ""}
    for arn in sorted(lost):
        yield (
            f"[deploy] kms_key_arn no longer names {arn}, which encrypts records in the stream and "
            "objects in "
            f'the bucket. Keep them readable: add kms_previous_key_arns = ["{arn}"]'
        )


def _source(wanted: Layout, deployed: Layout) -> Iterator[str]:
    """Refuse a road that replaces the other at once: the old one would be deleted with what it buffers."""
    if {wanted.source, deployed.source} == {"kinesis", "streams"}:
        yield (
            f'[deploy] source is "{wanted.source}", but the deployed road is "{deployed.source}", which '
            'holds changes that are not delivered yet. Deploy source = "both" first; then drain the old road '
            f'(ttl-archive drain --road {deployed.source}), and deploy source = "{wanted.source}"'
        )


def _names(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(column.split(" ", 1)[0] for column in columns)
