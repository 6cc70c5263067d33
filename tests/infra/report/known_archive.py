"""An archive of October 2026 whose every number is known, because it is written down here."""

import gzip
import os
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.transform.builders import change, encoded
from tests.transform.verdict_inputs import error_line
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.replay.replay_run import replay_prefix
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, load

CONFIG = """\
[table]
name = "devices"
ttl_attribute = "ttl"
keys = ["id"]

[select]
changes = "removals"

[deploy]
bucket = "report-archive"
"""
BUCKET = "report-archive"
SCRIPT = "<script>document.title = 1</script>"  # the name of an attribute, which a cause has
LAGS_S = (30, 300, 1800, 5 * 3600, 20 * 3600, 40 * 3600, 60 * 3600)  # one of each class, "early" apart
MIDNIGHT = datetime(2026, 10, 1, tzinfo=UTC)
METRICS = {
    "RecordsReceived": 40,
    "BytesReceived": 40 * 1500,
    "DroppedNotRemoval": 7,
    "DroppedUserRemoval": 3,
}


@dataclass
class KnownArchive:
    """The bucket, its copy, and what was put into it, by the hand of this module."""

    s3: Any
    config: Path
    settings: Settings
    copy: Path
    rows: dict[str, int] = field(default_factory=dict)  # distinct changes by day, GLACIER apart
    deleted: dict[str, int] = field(default_factory=dict)  # by TTL, as DynamoDB counts them
    sizes: dict[str, int] = field(default_factory=dict)  # of delivered objects by key

    def put(self, key: str, body: bytes, storage_class: str = "STANDARD") -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, StorageClass=storage_class)
        path = self.copy / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def deliver(
        self, day: str, name: str, records: list[dict[str, Any]], storage_class: str = "STANDARD"
    ) -> None:
        convert = converter(self.settings)
        rows = [convert(encoded(record)) for record in records]
        assert all(isinstance(row, Row) for row in rows)
        body = gzip.compress(b"".join(row.line for row in rows if isinstance(row, Row)), mtime=0)
        key = object_key(day, name)
        self.put(key, body, storage_class)
        self.sizes[key] = len(body)


def object_key(day: str, name: str) -> str:
    """The key of an object as Firehose names it; `name` is its last part."""
    return f"archive/devices/dt={day}/stream-1-{day}-12-00-00-0a1b2c3d-{name}.jsonl.gz"


def removal(number: int, day: datetime, lag_s: int, kind: str = "ttl") -> dict[str, Any]:
    """A removal at six o'clock, so long after the TTL."""
    at = day + timedelta(hours=6, seconds=number)
    image = {"id": {"S": f"d{number}"}, "ttl": {"N": str(int(at.timestamp()) - lag_s)}}
    time_us = int(at.timestamp()) * 1_000_000 + 500_000
    return change(
        image, kind, eventID=str(uuid.UUID(int=number)), dynamodb={"ApproximateCreationDateTime": time_us}
    )


def known_archive(emulator: Emulator, config: Path, copy: Path) -> KnownArchive:
    """Write the archive: ten days of rows, one in GLACIER, duplicates, failures and a replay."""
    archive = KnownArchive(emulator.client("s3"), config, load(config), copy)
    archive.s3.create_bucket(Bucket=BUCKET)
    number = 0
    for day in range(1, 11):
        midnight = MIDNIGHT + timedelta(days=day - 1)
        records = []
        for lag in LAGS_S[: day % len(LAGS_S) + 1]:
            number += 1
            records.append(removal(number, midnight, lag))
        number += 1
        records.append(removal(number, midnight, 0, "user"))
        name = f"{midnight:%Y-%m-%d}"
        in_glacier = day == 4
        if day == 5:  # an object beyond the line of 128 KiB, also when it is compressed
            records[0]["dynamodb"]["OldImage"]["note"] = {"S": os.urandom(150_000).hex()}
        archive.deliver(name, "first", records, "GLACIER" if in_glacier else "STANDARD")
        archive.deleted[name] = len(records) - 1
        if not in_glacier:
            archive.rows[name] = len(records)
    archive.deliver("2026-10-02", "copy", [removal(1_000, MIDNIGHT, 60), removal(1_000, MIDNIGHT, 60)])
    archive.rows["2026-10-02"] += 1  # the same change twice is one
    archive.deliver("2026-09-30", "before", [removal(2_000, MIDNIGHT - timedelta(days=1), 60)])
    archive.deleted["2026-10-01"] += 1
    _fail(archive)
    archive.deleted["2026-10-07"] += 2  # items whose changes never came
    _count_in_cloudwatch(emulator, archive.deleted)
    return archive


def _fail(archive: KnownArchive) -> None:
    """Write two error objects: one of two records that can be replayed, and one of two that cannot."""
    good = b"".join(error_line(encoded(removal(3_000 + n, MIDNIGHT, 90))) + b"\n" for n in range(2))
    hostile = removal(4_000, MIDNIGHT, 90)
    hostile["dynamodb"]["OldImage"][SCRIPT] = {"N": "no number"}
    broken = error_line(b'{"tableName": "devices"}') + b"\n" + error_line(encoded(hostile)) + b"\n"
    folder = "errors/devices/processing-failed/dt=2026-10-03/"
    for hour, body in ((6, good), (7, broken)):
        archive.put(f"{folder}stream-1-2026-10-03-0{hour}-00-00-{uuid.UUID(int=hour)}", body)
    archive.deleted["2026-10-01"] += 3
    archive.rows["2026-10-01"] += 2  # in the folder of the day of their change
    replay_prefix(archive.s3, archive.settings, bucket=BUCKET, prefix=f"{folder}stream-1-2026-10-03-06")


def _count_in_cloudwatch(emulator: Emulator, deleted: dict[str, int]) -> None:
    emulator.client("cloudwatch").put_metric_data(
        Namespace="AWS/DynamoDB",
        MetricData=[
            {
                "MetricName": "TimeToLiveDeletedItemCount",
                "Dimensions": [{"Name": "TableName", "Value": "devices"}],
                "Timestamp": datetime.fromisoformat(day).replace(hour=6, tzinfo=UTC),
                "Value": count,
            }
            for day, count in deleted.items()
        ],
    )
    emulator.client("cloudwatch").put_metric_data(
        Namespace="TtlArchive",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "Table", "Value": "devices"}],
                "Timestamp": MIDNIGHT + timedelta(days=3, hours=2),
                "Value": value,
            }
            for name, value in METRICS.items()
        ],
    )
