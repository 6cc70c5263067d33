"""A column is added, renamed, retyped or removed: the relations answer for rows from before as well."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.infra.sql.sql_archive import FLAT, WITH_IMAGE, SqlArchive, settings
from tests.transform.builders import change
from ttl_archive.infra.sql.relations import RELATIONS

ID = {"name": "id"}
TEMPERATURE = {"name": "temperature", "path": "temp", "type": "decimal(5,1)"}
IMAGE = {"id": {"S": "a"}, "temp": {"N": "36.1"}, "place": {"M": {"city": {"S": "Oslo"}}}}
LATER = IMAGE | {"id": {"S": "b"}, "temp": {"N": "37"}}


def ask(
    folder: Path, shape: str, before: list[dict[str, Any]], after: list[dict[str, Any]], query: str
) -> list[Any]:
    """Deliver a row by the old settings and one by the new, and ask by the new."""
    old, new = settings(shape, before, "id"), settings(shape, after, "id")
    archive = SqlArchive(folder)
    archive.deliver(old, change(IMAGE))
    archive.deliver(new, change(LATER))
    for relation in RELATIONS[:3]:
        assert len(archive.ask(new, f"SELECT * FROM {relation}")) == 2
    return archive.ask(new, query)


@pytest.mark.parametrize("shape", FLAT)
def test_an_added_column_has_the_values_of_older_rows(tmp_path: Path, shape: str) -> None:
    found = ask(tmp_path, shape, [ID], [ID, TEMPERATURE], "SELECT id, temperature FROM archive ORDER BY id")

    assert found == [("a", Decimal("36.1")), ("b", Decimal("37.0"))]


@pytest.mark.parametrize("shape", WITH_IMAGE)
def test_an_added_column_of_a_value_in_a_map_has_the_values_of_older_rows(tmp_path: Path, shape: str) -> None:
    city = {"name": "city", "path": "place.city"}
    found = ask(tmp_path, shape, [ID], [ID, city], "SELECT id, city FROM archive ORDER BY id")

    assert found == [("a", "Oslo"), ("b", "Oslo")]


@pytest.mark.parametrize("shape", WITH_IMAGE)
def test_a_renamed_column_has_the_values_of_older_rows(tmp_path: Path, shape: str) -> None:
    renamed = TEMPERATURE | {"name": "celsius"}
    query = "SELECT id, celsius FROM archive ORDER BY id"
    found = ask(tmp_path, shape, [ID, TEMPERATURE], [ID, renamed], query)

    assert found == [("a", Decimal("36.1")), ("b", Decimal("37.0"))]


def test_without_an_image_a_renamed_column_of_json_is_null_in_older_rows(tmp_path: Path) -> None:
    renamed = TEMPERATURE | {"name": "celsius"}
    query = "SELECT id, celsius FROM archive ORDER BY id"
    found = ask(tmp_path, "jsonl without image", [ID, TEMPERATURE], [ID, renamed], query)

    assert found == [("a", None), ("b", Decimal("37.0"))]


@pytest.mark.parametrize("shape", FLAT)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [("string", ("36.1", "37")), ("double", (36.1, 37.0)), ("bigint", (None, 37)), ("boolean", (None, None))],
)
def test_a_retyped_column_has_the_values_of_older_rows(
    tmp_path: Path, shape: str, kind: str, expected: tuple[Any, Any]
) -> None:
    retyped = TEMPERATURE | {"type": kind}
    query = "SELECT temperature FROM archive ORDER BY id"
    found = ask(tmp_path, shape, [ID, TEMPERATURE], [ID, retyped], query)

    assert [value for (value,) in found] == list(expected)


@pytest.mark.parametrize("shape", ["jsonl", "jsonl without image"])
def test_a_removed_column_is_gone_and_its_value_is_in_the_image(tmp_path: Path, shape: str) -> None:
    query = "SELECT id, ddb_image FROM archive ORDER BY id"
    found = ask(tmp_path, shape, [ID, TEMPERATURE], [ID], query)

    assert [row[0] for row in found] == ["a", "b"]
    assert all(image is None or '"temp":{"N":' in image for _, image in found)
    assert (found[0][1] is None) == (shape == "jsonl without image")


@pytest.mark.parametrize("before", ["csv", "jsonl without image"])
def test_the_image_can_be_switched_on_and_off(tmp_path: Path, before: str) -> None:
    after = {"csv": "csv with image", "jsonl without image": "jsonl"}[before]
    archive, columns = SqlArchive(tmp_path), [ID, TEMPERATURE]
    archive.deliver(settings(before, columns), change(IMAGE))
    archive.deliver(settings(after, columns), change(LATER))
    expected = [("a", Decimal("36.1")), ("b", Decimal("37.0"))]

    for today in (before, after):
        chosen = settings(today, columns)
        for relation in ("archive", "archive_unique"):
            query = f"SELECT id, temperature FROM {relation} ORDER BY id"
            assert archive.ask(chosen, query) == expected


def test_a_column_named_like_another_attribute_reads_its_own(tmp_path: Path) -> None:
    """In rows from before, the name of the column is the key of the other attribute."""
    image = {"deviceID": {"S": "right"}, "device_id": {"S": "wrong"}}
    chosen = settings("jsonl without image", [{"name": "device_id", "path": "deviceID"}])
    archive = SqlArchive(tmp_path)
    archive.deliver(settings("jsonl without image", []), change(image))

    assert archive.ask(chosen, "SELECT device_id FROM archive") == [("right",)]


@pytest.mark.parametrize("name", ["a.b", "*", "$", '"', "\\", "/", "~", "0", "é下", "a b", "N", "'", "?"])
@pytest.mark.parametrize("shape", FLAT)
def test_an_attribute_may_have_any_name(tmp_path: Path, shape: str, name: str) -> None:
    columns = [{"name": "inner", "path": [name, name]}, {"name": "top", "path": [name + name]}]
    image = {name: {"M": {name: {"N": "1.5"}}}, name + name: {"N": "12"}}
    chosen, archive = settings(shape, columns, name + name), SqlArchive(tmp_path)
    archive.deliver(chosen, change(image))
    # A row from before the columns existed: at the end of CSV there is no cell for them.
    older = settings(shape, [{"name": "inner", "path": [name, name]}])
    archive.deliver(older, change(image, eventID="2"))

    found = archive.ask(chosen, 'SELECT "inner", top, ddb_key FROM archive ORDER BY ddb_event_id')
    assert found == [("1.5", "12", "12"), ("1.5", "12", "12")]
