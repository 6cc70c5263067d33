"""Rows of CSV by column: a column may be added at the end, and a line that fits no settings is refused."""

from typing import Any

import pytest

from tests.replay.restore.archives import read_one
from tests.replay.samples import EVENT_US, change, error_line
from ttl_archive.replay.csv_row import csv_row
from ttl_archive.replay.error_objects.error_lines import read_lines
from ttl_archive.replay.restore.item_rebuild import item_of
from ttl_archive.replay.verdict import judge
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.formats import csv_line
from ttl_archive.transform.settings import Settings, parse

DEVICE, NOTE = {"name": "device", "path": "deviceID"}, {"name": "note", "path": "site.note"}


def settings(*columns: dict[str, str], image: bool = False) -> Settings:
    table = {"name": "DeviceData", "ttl_attribute": "expiredAt"}
    return parse({"table": table, "output": {"format": "csv", "image": image}, "columns": [*columns]})


def row(by: Settings) -> bytes:
    made = converter(by)(change(1, site={"M": {"note": {"S": "x,\n"}, "floor": {"N": "3"}}}))
    assert isinstance(made, Row)
    return made.line


def item(line: bytes, by: Settings) -> dict[str, Any]:
    return item_of(read_one(line, by), by)[0]


@pytest.mark.parametrize("image", [False, True])
def test_a_row_has_all_columns_under_their_names(image: bool) -> None:
    by = settings(DEVICE, NOTE, image=image)

    found = csv_row(row(by), by)

    assert tuple(found) == by.row_columns
    assert (found["device"], found["note"], found["ddb_event_us"]) == ("d1", "x,\\n", str(EVENT_US + 1))


@pytest.mark.parametrize("image", [False, True])
def test_a_row_older_than_a_column_is_read_whole(image: bool) -> None:
    then, now = settings(DEVICE, image=image), settings(DEVICE, NOTE, image=image)

    assert csv_row(row(then), now) == csv_row(row(then), then)
    assert item(row(then), now) == item(row(now), now) == item(row(then), then)


@pytest.mark.parametrize("image", [False, True])
def test_rows_with_and_without_image_may_be_mixed(image: bool) -> None:
    then, now = settings(DEVICE, image=image), settings(DEVICE, NOTE, image=not image)

    assert item(row(then), now) == item(row(then), then)


def test_a_row_with_a_removed_column_is_refused() -> None:
    with pytest.raises(ValueError, match="do not match the columns"):
        csv_row(row(settings(DEVICE, NOTE)), settings(DEVICE))


@pytest.mark.parametrize("name", ["ddb_image", "ddb_rest"])
def test_a_row_with_text_where_json_must_be_is_refused(name: str) -> None:
    by = settings(DEVICE, NOTE, image=True)
    wrong = csv_line([*(csv_row(row(by), by) | {name: "d1"}).values()])

    with pytest.raises(ValueError, match="must hold JSON"):
        csv_row(wrong, by)


@pytest.mark.parametrize("image", [False, True])
def test_a_row_of_the_largest_item_is_read(image: bool) -> None:
    by = settings(DEVICE, image=image)
    text = '"' * 390_000
    made = converter(by)(change(1, text={"S": text}))
    assert isinstance(made, Row)

    assert item(made.line, by)["text"] == {"S": text}


@pytest.mark.parametrize("line", [b"", b"\n", b'"a"\n', b"{}"])
def test_a_line_that_is_not_a_row_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"do not match the columns|not enough values"):
        csv_row(line, settings(DEVICE))


def test_an_older_row_is_replayed_unchanged() -> None:
    line = row(settings(DEVICE))
    (record,) = read_lines([error_line(line)])

    assert judge(settings(DEVICE, NOTE))(record) == Row(line, EVENT_US + 1)
