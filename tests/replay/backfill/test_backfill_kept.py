"""Every chosen item is exactly one row, whatever happened to the run before: properties and shapes."""

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.replay.backfill.exports import (
    ARCHIVE,
    DOCUMENT,
    RECORDS,
    TABLE,
    TIME,
    TIME_US,
    backfill,
    bucket_with,
    chosen,
    export,
    fill,
    item,
    items_of_an_export,
    keys,
    lines,
    rows,
)
from tests.replay.bucket import Bucket
from tests.transform.builders import change, encoded
from ttl_archive.infra.local.dynamodb.table_export import full_line, window_line
from ttl_archive.replay.backfill.item_choice import Choice
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import parse


class Killed(BaseException):
    """Nothing of ours runs after it, save what frees local resources."""


def kill_at(bucket: Bucket, call: int, *, answered: bool) -> None:
    left = [call]

    def count(operation: str, request: dict[str, Any]) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    if answered:
        bucket.after = count
    else:
        bucket.before = count


def etags(bucket: Bucket) -> dict[str, str]:
    return {key: bucket.objects[key].etag for key in bucket.keys(ARCHIVE)}


@hypothesis_settings(max_examples=40)
@given(
    items_of_an_export,
    st.booleans(),
    st.sampled_from(Choice),
    st.lists(st.tuples(st.integers(1, 24), st.booleans()), max_size=3),
)
def test_every_chosen_item_is_one_row_after_any_kills_and_a_second_run(
    items: list[Any], incremental: bool, choice: Choice, kills: list[tuple[int, bool]]
) -> None:
    found = lines(items, incremental=incremental)
    bucket = bucket_with(found, incremental=incremental)
    for call, answered in kills:
        kill_at(bucket, call, answered=answered)
        with suppress(Killed):
            backfill(bucket, choice)
        bucket.before = bucket.after = lambda operation, request: None

    summary = backfill(bucket, choice)
    before = etags(bucket)
    second = backfill(bucket, choice)

    assert keys(bucket) == sorted(chosen(items, choice))
    assert {row["ddb_event_name"] for row in rows(bucket)} <= {"EXPORT"}
    assert summary.tally.closes()
    assert summary.tally.lines == len(found)
    assert summary.exit_code == second.exit_code == 0
    assert second.before == second.tally.rows == len(chosen(items, choice))
    assert etags(bucket) == before


def test_expired_items_first_and_all_later_adds_the_others_in_objects_of_their_own() -> None:
    bucket = bucket_with([full_line(item(0)), full_line(item(1, "none"))])
    backfill(bucket)
    backfill(bucket, Choice.ALL)

    # The copies of the first row are equal, so that archive_unique shows one of them.
    (first, copy), (other,) = ([row for row in rows(bucket) if row["id"] == key] for key in ("i0", "i1"))
    assert first == copy
    assert other["ddb_event_name"] == "EXPORT"


def test_a_row_says_that_it_comes_from_an_export_and_when_that_was() -> None:
    image = item(0, raw={"B": "aGk="}, big={"N": "1" * 38})
    bucket = bucket_with([full_line(image)])
    backfill(bucket)

    (row,) = rows(bucket)
    assert (row["ddb_event_name"], row["ddb_removed_by"]) == ("EXPORT", None)
    assert (row["ddb_event_time"], row["ddb_event_us"]) == ("2026-11-24 00:00:05.123", TIME_US)
    assert row["ddb_event_id"] == f"{export().id}/{export().id[-8:]}0000.json.gz:1"
    assert (row["raw"], row["big"]) == ("aGk=", int("1" * 38))
    assert json.loads(row["ddb_image"]) == image
    (key,) = bucket.keys(ARCHIVE)
    assert key.startswith(f"{ARCHIVE}dt=2026-11-24/backfill-")


def test_in_an_incremental_export_the_time_of_the_last_write_is_the_rows_time_and_date() -> None:
    line = window_line({"id": item(0)["id"]}, item(0), written_us=TIME_US - 10_000_000)
    bucket = bucket_with([line], incremental=True)
    backfill(bucket)

    assert [row["ddb_event_us"] for row in rows(bucket)] == [TIME_US - 10_000_000]
    assert bucket.keys(f"{ARCHIVE}dt=2026-11-23/") == bucket.keys(ARCHIVE)


@pytest.mark.parametrize(
    "output",
    [
        {},
        {"format": "csv"},
        {"format": "csv", "image": True},
        {"nested": "flatten", "image": False},
        {"row": "envelope"},
    ],
    ids=["jsonl", "csv", "csv with image", "flattened", "envelope"],
)
def test_the_row_is_that_of_the_same_items_insert_but_for_its_origin(output: dict[str, Any]) -> None:
    """An insert's change record has the item as an export has it, and no old image."""
    image = item(0, place={"M": {"city": {"S": "Zürich"}}}, tags={"SS": ["b", "a"]}, note={"S": "a\nb"})
    is_flat = output.get("row") != "envelope"
    columns = [{"name": "station", "path": "id"}, {"name": "n", "type": "decimal(5,2)"}] if is_flat else []
    settings = parse(DOCUMENT | {"output": output, "columns": columns, "select": {"changes": "all"}})
    bucket = bucket_with([full_line(image)])
    backfill(bucket, settings=settings)
    part = {"Keys": {"id": image["id"]}, "ApproximateCreationDateTime": TIME_US}
    event_id = f"{export().id}/{export().id[-8:]}0000.json.gz:1"
    record = change(image, "insert", dynamodb=part, eventID=event_id, tableName=TABLE)
    inserted = converter(settings)(encoded(record))

    (key,) = bucket.keys(ARCHIVE)
    assert isinstance(inserted, Row)
    assert gzip.decompress(bucket.objects[key].body) == inserted.line.replace(b'"INSERT"', b'"EXPORT"')


@pytest.mark.parametrize("written", [TIME_US - 1, str(TIME_US - 1), {"N": str(TIME_US - 1)}])
def test_every_form_of_the_write_time_is_read(written: Any) -> None:
    line = {"Metadata": {"WriteTimestampMicros": written}, "Keys": {"id": {"S": "i0"}}, "NewImage": item(0)}
    bucket = bucket_with([line], incremental=True)
    backfill(bucket)

    assert [row["ddb_event_us"] for row in rows(bucket)] == [TIME_US - 1]


_AT = {"WriteTimestampMicros": str(TIME_US)}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"Metadata": {"WriteTimestampMicros": "yesterday"}, "Keys": {}, "NewImage": {}}, "BadEventTime"),
        ({"Metadata": {}, "Keys": {}, "NewImage": {}}, "NotAnExportLine"),
        ({"Item": item(0)}, "NotAnExportLine"),
        ({"Metadata": _AT, "Keys": {}, "NewImage": {"expiredAt": 1}}, "BadAttributeValue"),
        ({"Metadata": _AT, "Keys": {}, "NewImage": item(0, ddb_table={"S": "x"})}, "ColumnCollision"),
    ],
)
def test_a_line_that_cannot_become_a_row_is_refused_and_counted(line: Any, code: str) -> None:
    good = window_line({"id": item(1)["id"]}, item(1), written_us=TIME_US)
    bucket = bucket_with([line, good], incremental=True)

    summary = backfill(bucket)

    assert (summary.exit_code, summary.tally.refused) == (3, {code: 1})
    assert summary.tally.closes()
    assert keys(bucket) == ["i1"]


def test_a_deletion_and_a_null_image_leave_no_row() -> None:
    deleted = window_line({"id": item(0)["id"]}, None, item(0), written_us=TIME_US)
    bucket = bucket_with([deleted, deleted | {"NewImage": None}], incremental=True)

    assert backfill(bucket, Choice.ALL).tally.left == {"deleted": 2}
    assert rows(bucket) == []


def test_several_exports_under_one_prefix_are_all_archived() -> None:
    bucket = bucket_with([full_line(item(0))])
    window = [window_line({"id": item(1)["id"]}, item(1), written_us=TIME_US - 1)]
    fill(bucket, export(incremental=True).objects(window))

    summary = backfill(bucket)

    assert keys(bucket) == ["i0", "i1"]
    assert summary.files["done"] == len(bucket.keys(RECORDS)) == 4  # one of each export is empty


def test_a_dry_run_counts_the_same_and_writes_nothing() -> None:
    bucket = bucket_with([full_line(item(0)), full_line(item(1, "none"))])
    before = sorted(bucket.objects)

    summary = backfill(bucket, dry=True)

    assert (summary.tally.rows, summary.tally.left) == (1, {"not-expired": 1})
    assert sorted(bucket.objects) == before


def test_the_same_item_in_a_later_export_is_a_row_of_that_time() -> None:
    bucket = bucket_with([full_line(item(0))])
    fill(bucket, export(time=TIME.replace(day=25)).objects([full_line(item(0))]))

    backfill(bucket)

    assert [row["ddb_event_time"][:10] for row in rows(bucket)] == ["2026-11-24", "2026-11-25"]
