"""What items say against what archive.toml declares, one difference at a time.

kind         what is open                                          what to do
undeclared   an attribute of the items has no column               add the column that is proposed
misfit       values do not fit the type, so they are NULL in SQL   change the type
unused       no item has what the column reads                     correct its path, or keep it for old rows
key          a key attribute is missing, or differs by case        correct [table] keys
refused      the transform refuses items                           add the column that is proposed
skipped      a change record exceeds the data stream's largest     raise [deploy] max_record_kib
ttl          items never expire                                    correct what writes them
deployed     archive.toml and the relations in Athena differ       ttl-archive schema apply
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ttl_archive.infra.evidence.attribute_evidence import SampleEvidence
from ttl_archive.infra.evidence.column_fit import fits, value_at
from ttl_archive.infra.evidence.column_proposals import ProposedColumn, column_type_of
from ttl_archive.infra.evidence.config_text import describe_values, percentage
from ttl_archive.infra.evidence.refusal_forecast import OVERSIZED_ROW
from ttl_archive.infra.evidence.trials import Trial
from ttl_archive.infra.evidence.ttl_values import REMEDIES_OF_TTL, TtlEvidence
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.remedies import remedy
from ttl_archive.transform.settings import Column, Settings

_TOO_LARGE = (
    "Its row does not fit the function's response. The record stays under errors/, and replay run --sink s3 "
    "delivers it."
)


_COLLISION = (
    "Two attributes have the same column, or one has the name of a column that every row has. A column of "
    "its own for one of them resolves it."
)


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """One difference: its kind, what it is about, and a sentence with what to do."""

    kind: str
    subject: str
    text: str


@dataclass(slots=True)
class ColumnUse:
    """How many items have a value for each declared column, and how many values do not fit its type."""

    columns: Sequence[Column]
    values: Counter[str] = field(default_factory=Counter)
    misfits: Counter[str] = field(default_factory=Counter)

    def add(self, item: Item) -> None:
        """Count one item."""
        for column in self.columns:
            value = value_at(item, column.path)
            if value is not None:
                self.values[column.name] += 1
                self.misfits[column.name] += not fits(value, column.type)


def count_use(items: Iterable[Item], settings: Settings) -> ColumnUse:
    """Return the use of the declared columns by the items."""
    use = ColumnUse(settings.columns)
    for item in items:
        use.add(item)
    return use


def differences(
    settings: Settings,
    evidence: SampleEvidence,
    use: ColumnUse,
    proposed: Sequence[ProposedColumn],
    trial: Trial,
    ttl: TtlEvidence,
) -> list[SchemaDifference]:
    """Return everything that is open between the items and archive.toml."""
    if not evidence.items:
        return []
    return [
        *_undeclared(settings, evidence, proposed),
        *_misfits(settings, evidence, use),
        *_unused(settings, evidence, use),
        *_keys(settings, evidence),
        *_refused(trial),
        *_skipped(trial),
        *_never_expiring(ttl),
    ]


def _undeclared(
    settings: Settings, evidence: SampleEvidence, proposed: Sequence[ProposedColumn]
) -> Iterator[SchemaDifference]:
    if settings.output.row == "envelope":
        return  # it has no columns of attributes
    for each in proposed:
        column = each.column
        yield SchemaDifference(
            "undeclared",
            ".".join(column.path),
            f"{describe_values(each.evidence, evidence.items)}, and no column. Proposed: {column.name} "
            f"{column.type}",
        )


def _misfits(settings: Settings, evidence: SampleEvidence, use: ColumnUse) -> Iterator[SchemaDifference]:
    for column in settings.columns:
        if not (count := use.misfits[column.name]):
            continue
        found = evidence.attributes.get(column.path)
        better = f" All values of the sample fit {column_type_of(found)}." if found else ""
        yield SchemaDifference(
            "misfit",
            column.name,
            f"{count:,} of {use.values[column.name]:,} values do not fit {column.type}, so SQL shows NULL "
            f"for them.{better}",
        )


def _unused(settings: Settings, evidence: SampleEvidence, use: ColumnUse) -> Iterator[SchemaDifference]:
    for column in settings.columns:
        if not use.values[column.name]:
            path = ".".join(column.path)
            yield SchemaDifference(
                "unused",
                column.name,
                f'None of the items has "{path}".{_similar(column.path, evidence)}',
            )


def _keys(settings: Settings, evidence: SampleEvidence) -> Iterator[SchemaDifference]:
    for name in settings.table.keys:
        found = evidence.attributes.get((name,))
        if found is None or found.count < evidence.items:
            count = found.count if found else 0
            yield SchemaDifference(
                "key",
                name,
                f'The key attribute "{name}" is in {count:,} of {evidence.items:,} items, and a table\'s '
                f"key is in all.{_similar((name,), evidence)}",
            )


def _similar(path: tuple[str, ...], evidence: SampleEvidence) -> str:
    """Return a sentence with the attributes whose names differ by case or separators alone."""
    wanted = [_plain(part) for part in path]
    close = [
        ".".join(other)
        for other in evidence.attributes
        if other != path and [_plain(part) for part in other] == wanted
    ]
    return f" Items have {', '.join(close)}: another name, because every character counts." if close else ""


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _refused(trial: Trial) -> Iterator[SchemaDifference]:
    total = trial.forecast.items
    remedies = {OVERSIZED_ROW: _TOO_LARGE, "ColumnCollision": _COLLISION}
    for (code, attributes), count in trial.forecast.refused.most_common():
        yield SchemaDifference(
            "refused",
            attributes or code,
            f"The transform would refuse {percentage(count, total)} of the items with {code}. "
            + (remedies.get(code) or remedy(code)),
        )


def _skipped(trial: Trial) -> Iterator[SchemaDifference]:
    if count := trial.forecast.skipped:
        yield SchemaDifference(
            "skipped",
            "max_record_kib",
            f"DynamoDB would skip the records of {percentage(count, trial.forecast.items)} of the items, "
            'because they exceed [deploy] max_record_kib. With partition_by "event" it cannot be raised: '
            'partition by "arrival".',
        )


def _never_expiring(ttl: TtlEvidence) -> Iterator[SchemaDifference]:
    for kind, remedy_of_kind in REMEDIES_OF_TTL.items():
        if count := ttl.counts[kind]:
            yield SchemaDifference(
                "ttl",
                ttl.attribute,
                f"{percentage(count, ttl.counts.total())} of the items never expire, with {kind}. "
                f"{remedy_of_kind}.",
            )
