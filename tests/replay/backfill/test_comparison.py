"""The comparison of an export with the archive: each answer, and what can hide a key."""

import gzip
import json
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.replay.backfill.exports import (
    ARCHIVE,
    BUCKET,
    DOCUMENT,
    PLACE,
    SETTINGS,
    TABLE,
    TIME_US,
    TTLS,
    backfill,
    bucket_with,
    export,
    fill,
    item,
)
from tests.replay.bucket import Bucket
from tests.transform.builders import change, encoded
from ttl_archive.infra.local.dynamodb.table_export import full_line, window_line
from ttl_archive.replay.backfill.backfill_run import find_exports
from ttl_archive.replay.backfill.comparison import CompareVerdict, Comparison, compare_exports
from ttl_archive.replay.errors import MisuseError, ObjectError, StoppedError
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

DAY = "2026-11-26"
LINES = [full_line(item(number)) for number in range(3)]


def archive(
    bucket: Bucket,
    *items: dict[str, Any],
    day: str = DAY,
    settings: Settings = SETTINGS,
    kind: str = "ttl",
    **how: Any,
) -> str:
    """Deliver the removals of items as Firehose would; return the object's key."""
    convert = converter(settings)
    lines = b""
    for image in items:
        part = {"Keys": {"id": image["id"]}, "ApproximateCreationDateTime": TIME_US + 5}
        row = convert(encoded(change(image, kind, dynamodb=part, tableName=TABLE)))
        assert isinstance(row, Row)
        lines += row.line
    key = f"{ARCHIVE}dt={day}/firehose-{len(bucket.objects)}.{settings.output.format}.gz"
    bucket.fill(key, gzip.compress(lines), **how)
    return key


def compare(bucket: Bucket, settings: Settings = SETTINGS, **parts: Any) -> Comparison:
    exports = find_exports(PLACE, lambda _: bucket, settings)
    return compare_exports(bucket, BUCKET, settings, exports, **parts)


def test_what_ttl_removed_and_what_was_backfilled_is_in_the_archive() -> None:
    bucket = bucket_with(LINES)
    archive(bucket, item(0), item(1), item(2))

    found = compare(bucket)

    assert (found.verdict, found.expired, found.found) == (CompareVerdict.COMPLETE, 3, 3)

    other = bucket_with(LINES)
    backfill(other)
    assert compare(other).verdict is CompareVerdict.COMPLETE


def test_a_missing_key_is_named_by_its_place_in_the_export() -> None:
    bucket = bucket_with(LINES)
    archive(bucket, item(0), item(2))
    missing: list[Any] = []

    found = compare(bucket, on_missing=missing.append)

    assert (found.verdict, found.found, found.missing) == (CompareVerdict.MISSING, 2, 1)
    (key,) = missing
    assert key.keys == {"id": {"S": "i1"}}
    assert key.place == f"{export().id}/{export().id[-8:]}0000.json.gz:2"
    assert found.examples == missing


@pytest.mark.parametrize("restored", [None, 'ongoing-request="true"'])
def test_an_object_in_glacier_makes_a_missing_key_not_countable(restored: str | None) -> None:
    bucket = bucket_with(LINES)
    archive(bucket, item(0), item(1))
    archive(bucket, item(2), storage_class="GLACIER", restore=restored)

    found = compare(bucket)

    assert found.verdict is CompareVerdict.NOT_COUNTABLE
    assert (found.missing, found.unreadable) == (1, {"in GLACIER, not retrieved": 1})

    archive(bucket, item(2))
    assert compare(bucket).verdict is CompareVerdict.COMPLETE


def test_a_damaged_line_or_object_makes_a_missing_key_not_countable() -> None:
    bucket = bucket_with(LINES)
    bucket.fill(f"{ARCHIVE}dt={DAY}/damaged.jsonl.gz", b"\x1f\x8bdamaged")

    found = compare(bucket)

    assert (found.verdict, found.bad_lines, found.missing) == (CompareVerdict.NOT_COUNTABLE, 1, 3)


def test_parquet_is_not_read_and_said_so() -> None:
    bucket = bucket_with(LINES)
    bucket.fill(f"{ARCHIVE}dt={DAY}/x.parquet", b"PAR1")

    found = compare(bucket)

    assert found.verdict is CompareVerdict.NOT_COUNTABLE
    assert "Parquet" in next(iter(found.unreadable))


def test_without_expired_items_there_is_nothing_to_compare() -> None:
    assert compare(bucket_with([full_line(item(0, "none"))])).verdict is CompareVerdict.NOTHING
    assert compare(bucket_with([])).verdict is CompareVerdict.NOTHING


def test_an_item_that_was_renewed_is_counted_apart() -> None:
    bucket = bucket_with(LINES[:1])
    archive(bucket, item(0, expiredAt={"N": "1795600000"}))

    found = compare(bucket)

    assert (found.verdict, found.renewed, found.found) == (CompareVerdict.COMPLETE, 1, 0)


@pytest.mark.parametrize("kind", ["insert", "modify"])
def test_a_change_that_is_no_removal_archives_nothing(kind: str) -> None:
    settings = parse(DOCUMENT | {"select": {"changes": "all"}})
    bucket = bucket_with(LINES[:1])
    archive(bucket, item(0), settings=settings, kind=kind)

    assert compare(bucket, settings).verdict is CompareVerdict.MISSING


def test_an_object_from_before_the_export_is_not_read() -> None:
    """The item was there when it was exported, so an earlier removal is of another life."""
    bucket = bucket_with(LINES[:1])
    archive(bucket, item(0), day="2026-11-20")

    found = compare(bucket)

    assert (found.verdict, found.objects) == (CompareVerdict.MISSING, 0)


def test_the_expired_deletions_of_a_window_are_compared_and_those_without_an_image_counted() -> None:
    keys = {"id": item(0)["id"]}
    lines = [
        window_line(keys, None, item(0), written_us=TIME_US - 5),
        window_line({"id": {"S": "x"}}, None, written_us=TIME_US - 5),
    ]
    bucket = bucket_with(lines, incremental=True)

    assert (compare(bucket).verdict, compare(bucket).unknown) == (CompareVerdict.MISSING, 1)
    archive(bucket, item(0), day="2026-11-23")
    assert compare(bucket).verdict is CompareVerdict.COMPLETE


@pytest.mark.parametrize(
    "output",
    [{}, {"format": "csv"}, {"image": False}, {"row": "envelope"}],
    ids=["jsonl", "csv", "no image", "envelope"],
)
def test_numbers_as_keys_are_compared_in_every_shape(output: dict[str, Any]) -> None:
    columns = [{"name": "station", "path": "id"}] if output.get("row") != "envelope" else []
    settings = parse(DOCUMENT | {"output": output, "columns": columns})
    images = [item(n, id={"N": text}) for n, text in enumerate(("100", "0.000001", "-7"))]
    bucket = bucket_with([full_line(image) for image in images])
    archive(bucket, *images[:2], settings=settings)

    found = compare(bucket, settings)

    assert (found.found, found.missing, found.bad_lines) == (2, 1, 0)


@hypothesis_settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(sorted(TTLS)), st.booleans()), max_size=8))
def test_every_expired_key_is_found_or_missing_as_the_archive_has_it(items: list[tuple[str, bool]]) -> None:
    bucket = bucket_with([full_line(item(n, ttl)) for n, (ttl, _) in enumerate(items)])
    archive(bucket, *(item(n, ttl) for n, (ttl, is_archived) in enumerate(items) if is_archived))
    missing: list[Any] = []

    found = compare(bucket, on_missing=missing.append)

    expired = {f"i{n}": is_archived for n, (ttl, is_archived) in enumerate(items) if TTLS[ttl][1]}
    assert sorted(key.keys["id"]["S"] for key in missing) == [k for k, there in expired.items() if not there]
    assert (found.expired, found.found) == (len(expired), sum(expired.values()))


def test_a_damaged_export_gives_no_answer() -> None:
    bucket = bucket_with(LINES)
    (data,) = (key for key in bucket.keys("exports/") if key.endswith("0000.json.gz"))
    bucket.fill(data, gzip.compress(json.dumps(LINES[0]).encode()))

    with pytest.raises(ObjectError, match="is not what the export wrote"):
        compare(bucket)


def test_ctrl_c_gives_no_answer() -> None:
    stop = Event()
    stop.set()

    with pytest.raises(StoppedError, match="so there is no answer"):
        compare(bucket_with(LINES), stop=stop)


def test_without_key_attributes_nothing_can_be_compared() -> None:
    settings = parse({"table": {"name": TABLE, "ttl_attribute": "expiredAt"}})

    with pytest.raises(MisuseError, match=r"set \[table\] keys"):
        compare(bucket_with(LINES), settings)


def test_the_keys_of_two_exports_are_compared_once() -> None:
    bucket = bucket_with(LINES)
    fill(bucket, export(time=export().time.replace(day=25)).objects(LINES))
    archive(bucket, item(0), item(1), item(2))

    assert (compare(bucket).expired, compare(bucket).verdict) == (3, CompareVerdict.COMPLETE)


def test_a_row_of_an_earlier_export_counts() -> None:
    """An item that TTL has still not removed was archived from the export of the week before."""
    bucket = bucket_with(LINES)
    backfill(bucket)
    later = Bucket({key: bucket.objects[key] for key in bucket.keys("archive/")})
    fill(later, export(time=export().time + timedelta(days=7)).objects(LINES))

    assert compare(later).verdict is CompareVerdict.COMPLETE
