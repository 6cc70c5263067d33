"""Exports for the tests: generated lines, written as DynamoDB writes them, and what they should become."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.replay.bucket import Bucket
from ttl_archive.infra.local.dynamodb.table_export import Line, TableExport, full_line, window_line
from ttl_archive.replay.backfill.backfill_file import BackfillRun
from ttl_archive.replay.backfill.backfill_run import BackfillSummary, find_exports, run_backfill
from ttl_archive.replay.backfill.item_choice import Choice
from ttl_archive.transform.settings import Settings, parse

BUCKET, TABLE = "bucket", "DeviceData"
TIME = datetime(2026, 11, 24, 0, 0, 5, 123_000, tzinfo=UTC)
START = TIME - timedelta(hours=24)
TIME_US = int(TIME.timestamp() * 1000) * 1000
END_S = int(TIME.timestamp())
PLACE = f"s3://{BUCKET}/exports"
ARCHIVE = f"archive/{TABLE}/"
RECORDS = f"replay/table={TABLE}/backfills/"
DOCUMENT: dict[str, Any] = {
    "table": {"name": TABLE, "ttl_attribute": "expiredAt", "keys": ["id"], "backfilled": True}
}
SETTINGS = parse(DOCUMENT)

# The value of the TTL attribute, and whether an item with it has expired by the export's time.
TTLS: dict[str, tuple[dict[str, Any], bool]] = {
    "passed": ({"N": str(END_S - 60)}, True),
    "passed within the second": ({"N": f"{END_S}.1"}, True),
    "at the next second": ({"N": str(END_S + 1)}, False),
    "five years ago and more": ({"N": str(END_S - 6 * 365 * 86_400)}, False),
    "a text": ({"S": str(END_S - 60)}, False),
    "none": ({}, False),
}
# An item: its TTL, and for an incremental export when it was written (in seconds before the end; None for a
# deletion).
items_of_an_export = st.lists(
    st.tuples(st.sampled_from(sorted(TTLS)), st.none() | st.integers(1, 86_000)), max_size=12
)


def export(*, incremental: bool = False, **more: Any) -> TableExport:
    """The description of an export of the table."""
    return TableExport(**{"table": TABLE, "time": TIME, "start": START if incremental else None} | more)


def item(number: int, ttl: str = "passed", **more: Any) -> dict[str, Any]:
    """An item with one of the TTLS."""
    value = TTLS[ttl][0]
    return {"id": {"S": f"i{number}"}, **({"expiredAt": value} if value else {}), "n": {"N": "1.50"}} | more


def lines(items: list[tuple[str, int | None]], *, incremental: bool) -> list[Line]:
    """The lines of generated items. In a full export a deletion is no line at all."""
    found: list[Line] = []
    for number, (ttl, written) in enumerate(items):
        image = item(number, ttl)
        if not incremental:
            found += [full_line(image)] if written is not None else []
            continue
        us = TIME_US - (written or 0) * 1_000_000
        new, old = (image, None) if written is not None else (None, image)
        found.append(window_line({"id": image["id"]}, new, old, written_us=us))
    return found


def chosen(items: list[tuple[str, int | None]], choice: Choice) -> list[str]:
    """The keys of the items that should become rows."""
    return [
        f"i{number}"
        for number, (ttl, written) in enumerate(items)
        if written is not None and (choice is Choice.ALL or TTLS[ttl][1])
    ]


def bucket_with(*found: list[Line], **kind: Any) -> Bucket:
    """A bucket with one export of these lines."""
    bucket = Bucket()
    for each in found:
        fill(bucket, export(**kind).objects(each))
    return bucket


def fill(bucket: Bucket, objects: dict[str, bytes]) -> None:
    """Put objects without a call."""
    for key, body in objects.items():
        bucket.fill(key, body)


def backfill(
    bucket: Bucket,
    choice: Choice = Choice.EXPIRED,
    settings: Settings = SETTINGS,
    place: str = PLACE,
    **parts: Any,
) -> BackfillSummary:
    """One run over the bucket's exports."""
    exports = find_exports(place, lambda _: bucket, settings)
    run = BackfillRun(bucket, BUCKET, settings, choice, **parts)
    return run_backfill(run, exports, concurrency=1)


def rows(bucket: Bucket) -> list[dict[str, Any]]:
    """Every row of the archive, in JSON lines."""
    return [
        json.loads(line)
        for key in bucket.keys(ARCHIVE)
        for line in gzip.decompress(bucket.objects[key].body).splitlines()
    ]


def keys(bucket: Bucket) -> list[str]:
    """The keys of all rows."""
    return sorted(row["id"] for row in rows(bucket))
