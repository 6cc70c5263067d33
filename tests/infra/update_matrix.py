"""Every key of archive.toml with a changed value: two templates, before and after, for each.

    python -m tests.infra.update_matrix FOLDER     writes FOLDER/KEY.before.json and FOLDER/KEY.after.json

All of them are synthesised in one process, without cdk-nag, which test_app.py applies.
"""

import json
import os
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.infra.stacks import COLUMNS, KEY_ARN, OLD_KEY_ARN, OPERATIONS_KEY_ARN
from ttl_archive.infra import deploy_settings, node
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.package import write_zip
from ttl_archive.infra.synth import plain
from ttl_archive.transform.settings import Settings, parse

STACK = "ttl-archive-Devices"
_CSV = '[output]\nformat = "csv"\n'
_NO_EXPIRIES = '[select]\nchanges = "all-but-ttl-removals"\n'
_MOVED = '[[columns]]\nname = "temperature"\n[[columns]]\nname = "device_id"\n'
_REPORT = '[[reports]]\nname = "failed"\nquery = "errors_by_code"\nevery = "day"\n'
_TWO = '[[columns]]\nname = "device_id"\n[[columns]]\nname = "temperature"\n'


@dataclass(frozen=True)
class Change:
    """One change of archive.toml: what it holds besides the table, before and after."""

    before: str = COLUMNS
    after: str = COLUMNS
    table: str = "Devices"
    ttl_attribute: str = "expiredAt"
    keys: tuple[str, ...] = ()
    backfilled: bool = False


def deploy(text: str, before: str = "", other: str = "") -> Change:
    """Return a change of [deploy]; `before` is what the section holds beforehand, `other` another section."""
    return Change(f"{other}[deploy]\n{before}\n{COLUMNS}", f"{other}[deploy]\n{before}\n{text}\n{COLUMNS}")


def output(text: str) -> Change:
    """Return a change of [output]."""
    return Change(COLUMNS, f"[output]\n{text}\n{COLUMNS}")


def export(text: str) -> Change:
    """Return a change of [export]."""
    return Change(f"[export]\n{COLUMNS}", f"[export]\n{text}\n{COLUMNS}")


def ingest(text: str) -> Change:
    """Return a change of [ingest]; the text replaces what the section has for its key."""
    section = {
        "keys": 'keys = { id = "{device}" }',
        "time": 'time = "time"',
        "retention_days": "retention_days = 365",
    }
    before = "\n".join(section.values())
    after = "\n".join((section | {text.partition(" ")[0]: text}).values())
    return Change(f"[ingest]\n{before}\n{COLUMNS}", f"[ingest]\n{after}\n{COLUMNS}")


# Name of the change -> the change. A name is the key's, with what follows it after a dash; a key of the later
# sections has the section's name too.
CHANGES: dict[str, Change] = {
    "name": Change(table="Others"),
    "ttl_attribute": Change(ttl_attribute="ttl"),
    "keys": Change(keys=("deviceID",)),
    "backfilled": Change(keys=("deviceID",), backfilled=True),
    "changes": Change(COLUMNS, f'[select]\nchanges = "all"\n{COLUMNS}'),
    "infer_replica_ttl": Change(COLUMNS, f"[select]\ninfer_replica_ttl = true\n{COLUMNS}"),
    "format": output('format = "csv"\nimage = true'),
    "row": Change("", '[output]\nrow = "envelope"'),
    "nested": output('nested = "flatten"'),
    "image": output("image = false"),
    "partition_by": output('partition_by = "event"'),
    "overflow": output('overflow = "fail"'),
    "date_column": output('date_column = "day"'),
    "columns-added": Change(COLUMNS, f'{COLUMNS}[[columns]]\nname = "another"\n'),
    "columns-retyped": Change(COLUMNS, COLUMNS.replace("decimal(5,1)", "double")),
    "columns-removed": Change(COLUMNS, COLUMNS.partition('[[columns]]\nname = "order"')[0]),
    "columns-csv-added": Change(_CSV + _TWO, f'{_CSV}{_TWO}[[columns]]\nname = "another"\n'),
    "columns-csv-moved": Change(_CSV + _TWO, _CSV + _MOVED),
    "columns-renamed": Change(COLUMNS, COLUMNS.replace('name = "device_id"', 'name = "station"')),
    "columns-parquet-retyped": Change(
        f"[deploy]\nparquet = true\n{COLUMNS}",
        f"[deploy]\nparquet = true\n{COLUMNS}".replace("decimal(5,1)", "double"),
    ),
    "reports": Change(COLUMNS, _REPORT + COLUMNS),
    "reports-changed": Change(_REPORT + COLUMNS, _REPORT.replace("day", "week") + COLUMNS),
    "reports-removed": Change(_REPORT + COLUMNS, COLUMNS),
    "source": deploy('source = "streams"'),
    "source-back": Change(f'[deploy]\nsource = "streams"\n{COLUMNS}', COLUMNS),
    "source-both": deploy('source = "both"'),
    "batch_records": deploy("batch_records = 500", 'source = "streams"'),
    "batch_window_s": deploy("batch_window_s = 30", 'source = "streams"'),
    "batches_per_shard": deploy("batches_per_shard = 2", 'source = "streams"'),
    "batch_retries": deploy("batch_retries = 5", 'source = "streams"'),
    "record_age_s": deploy("record_age_s = 600", 'source = "streams"', _NO_EXPIRIES),
    "table": deploy('table = "create"\npartition_key = "id"'),
    "partition_key": Change(
        f'[deploy]\ntable = "create"\npartition_key = "id"\n{COLUMNS}',
        f'[deploy]\ntable = "create"\npartition_key = "other"\n{COLUMNS}',
    ),
    "sort_key": deploy('sort_key = "at"', 'table = "create"\npartition_key = "id"'),
    "attach": deploy("attach = false"),
    "stream_mode": deploy('stream_mode = "provisioned"'),
    "shards": deploy("shards = 2", 'stream_mode = "provisioned"'),
    "stream_retention_days": deploy("stream_retention_days = 1"),
    "max_record_kib": deploy("max_record_kib = 1024"),
    "memory_mb": deploy("memory_mb = 1024"),
    "timeout_s": deploy("timeout_s = 60"),
    "architecture": deploy('architecture = "x86_64"'),
    "handler": deploy('handler = "fast"'),
    "log_retention_days": deploy("log_retention_days = 30"),
    "processor_buffer_mb": deploy("processor_buffer_mb = 2"),
    "processor_buffer_s": deploy("processor_buffer_s = 30"),
    "processor_retries": deploy("processor_retries = 1"),
    "buffer_mb": deploy("buffer_mb = 64"),
    "buffer_s": deploy("buffer_s = 300"),
    "parquet": deploy("parquet = true"),
    "source_backup": deploy("source_backup = true"),
    "source_backup-off": Change(f"[deploy]\nsource_backup = true\n{COLUMNS}", COLUMNS),
    "source_backup_days": deploy("source_backup_days = 30"),
    "bucket": deploy('bucket = "another-bucket"'),
    "kms_key_arn": deploy(f'kms_key_arn = "{KEY_ARN}"'),
    "kms_key_arn-changed": Change(
        f'[deploy]\nkms_key_arn = "{OLD_KEY_ARN}"\n{COLUMNS}',
        f'[deploy]\nkms_key_arn = "{KEY_ARN}"\n{COLUMNS}',
    ),
    "kms_key_arn-removed": Change(f'[deploy]\nkms_key_arn = "{KEY_ARN}"\n{COLUMNS}', COLUMNS),
    "kms_previous_key_arns": Change(
        f'[deploy]\nkms_key_arn = "{OLD_KEY_ARN}"\n{COLUMNS}',
        f'[deploy]\nkms_key_arn = "{KEY_ARN}"\nkms_previous_key_arns = ["{OLD_KEY_ARN}"]\n{COLUMNS}',
    ),
    "operations_key_arn": deploy(f'operations_key_arn = "{OPERATIONS_KEY_ARN}"'),
    "access_logs": deploy("access_logs = true"),
    "storage_class": deploy('storage_class = "DEEP_ARCHIVE"'),
    "glacier_days": deploy("glacier_days = 60"),
    "glacier_small_objects": deploy("glacier_small_objects = true"),
    "expire_years": deploy("expire_years = 7"),
    "noncurrent_days": deploy("noncurrent_days = 60"),
    "error_days": deploy("error_days = 400"),
    "object_lock": deploy('object_lock = "governance"'),
    "object_lock_days": deploy("object_lock_days = 400", 'object_lock = "governance"'),
    "replica_bucket_arn": deploy('replica_bucket_arn = "arn:aws:s3:::the-replica"'),
    "replica_key_arn": deploy(
        f'replica_key_arn = "{OLD_KEY_ARN}"', 'replica_bucket_arn = "arn:aws:s3:::the-replica"'
    ),
    "reader_account_ids": deploy('reader_account_ids = ["210987654321"]'),
    "database": deploy('database = "another"'),
    "scan_limit_gb": deploy("scan_limit_gb = 10"),
    "query_result_days": deploy("query_result_days = 1"),
    "alarm_email": deploy('alarm_email = "ops@example.org"'),
    "replay_tolerated_failure_percent": deploy("replay_tolerated_failure_percent = 50"),
    "replay_concurrency": deploy("replay_concurrency = 2"),
    "tags": deploy('tags = ["team=data"]'),
    "permissions_boundary": deploy('permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"'),
    "export.kind": export('kind = "full"'),
    "export.kind-removed": Change(f"[export]\n{COLUMNS}", COLUMNS),
    "export.every_minutes": export("every_minutes = 60"),
    "export.keep_days": export("keep_days = 30"),
    "ingest.keys": ingest('keys = { id = "{device}#{time}" }'),
    "ingest.time": ingest('time = "at"'),
    "ingest.retention_days": ingest("retention_days = 30"),
    "ingest.readings": ingest('readings = "data"'),
    "ingest.take": ingest('take = ["device"]'),
    "ingest.duplicates": ingest('duplicates = "refuse"'),
    "ingest.batch_messages": ingest("batch_messages = 10"),
    "ingest.max_concurrency": ingest("max_concurrency = 2"),
    "ingest.max_receives": ingest("max_receives = 3"),
}

# Each changes one property of a few resources, as `memory_mb` and `buffer_s` do, which every run tests.
SLOW = frozenset(
    {
        "batch_window_s", "batches_per_shard", "batch_retries", "stream_retention_days",
        "timeout_s", "architecture", "handler", "log_retention_days", "processor_buffer_mb", "alarm_email",
        "processor_buffer_s", "processor_retries", "buffer_mb", "source_backup_days", "storage_class",
        "tags", "glacier_days", "glacier_small_objects", "expire_years", "noncurrent_days", "error_days",
        "scan_limit_gb", "query_result_days", "replay_tolerated_failure_percent", "replay_concurrency",
        "permissions_boundary", "reader_account_ids", "infer_replica_ttl", "nested", "changes",
    }
)  # fmt: skip
SYNTHESISED = [name for name in CHANGES if name not in SLOW or os.environ.get("TTL_ARCHIVE_SLOW")]


def parameters(names: Iterable[str]) -> list[Any]:
    """Return the names of changes as parameters of a test, with the slow ones marked."""
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in names]


def documents(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return archive.toml before and after the change. The stack's name stays, whatever the table's is."""
    return (
        _document(change.before, "Devices", "expiredAt"),
        _document(change.after, change.table, change.ttl_attribute, change.keys, change.backfilled),
    )


def settings_of(document: dict[str, Any]) -> tuple[Settings, Deploy]:
    """Check a document."""
    settings = parse(document, "archive.toml")
    return settings, deploy_settings.parse(document.get("deploy", {}), settings)


def _document(
    text: str, table: str, ttl_attribute: str, keys: tuple[str, ...] = (), backfilled: bool = False
) -> dict[str, Any]:
    document = tomllib.loads(f'[table]\nname = "{table}"\nttl_attribute = "{ttl_attribute}"\n{text}')
    if keys:
        document["table"] |= {"keys": list(keys)} | ({"backfilled": True} if backfilled else {})
    document.setdefault("deploy", {}).pop("stack_name", None)
    document["deploy"]["stack_name"] = STACK
    return document


def main(folder: Path) -> None:
    """Write both templates of each change. Equal documents share one stack."""
    node.use_wheel()
    from aws_cdk import App

    from ttl_archive.infra.stack import ArchiveStack

    zips = {part: folder / f"{part}.zip" for part in ("transform", "replay", "attachment")}
    for part, file in zips.items():
        write_zip(file, {f"{part}.txt": part.encode()})
    wanted: dict[str, list[str]] = {}
    for name in SYNTHESISED:
        for when, document in zip(("before", "after"), documents(CHANGES[name]), strict=True):
            wanted.setdefault(json.dumps(document, sort_keys=True), []).append(f"{name}.{when}")
    for number, (text, names) in enumerate(wanted.items()):
        app = App(outdir=str(folder / f"cdk.out.{number}"), analytics_reporting=False)
        settings, chosen = settings_of(json.loads(text))
        ArchiveStack(app, settings=settings, deploy=chosen, assets=Assets(**zips))
        app.synth()
        template = json.loads((folder / f"cdk.out.{number}" / f"{STACK}.template.json").read_text())
        for name in names:
            (folder / f"{name}.json").write_text(json.dumps(plain(template)[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
