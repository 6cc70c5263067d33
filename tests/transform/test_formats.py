"""CSV reads back equal, as Athena's OpenCSVSerDe reads it and with Python's csv; the rest wins over cells."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import awkward_texts, images, numbers, texts, twice
from tests.transform import opencsv, reference
from tests.transform.builders import Digits, change, encoded, event, run, settings
from ttl_archive.transform.formats import ArchiveDialect, csv_cells, csv_line
from ttl_archive.transform.settings import METADATA_COLUMNS

NAMES = ("device", "reading", "deep")
CONFIG = settings(format="csv", columns={"device": "deviceID", "reading": "S", "deep": "place.geo"})
COLUMNS = CONFIG.row_columns


# Measured with Hive's own class of the OpenCSVSerDe.
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"x, ""y"""', ['x, "y"']),
        ("a,,b", ["a", "", "b"]),
        (r'"back\slash"', ["backslash"]),
        ('"end\\"', [None]),
        ('"a","end\\"', [None, None]),
        (r'"back\\slash","end\\","\"q\""', ["back\\slash", "end\\", '"q"']),
        ('"",""', ["", ""]),
    ],
)
def test_the_port_of_the_serde_reads_the_measured_rows(line: str, expected: list[str | None]) -> None:
    assert opencsv.read(line + "\n", len(expected)) == [expected]


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_the_port_of_the_serde_breaks_a_row_at_a_raw_newline(newline: str) -> None:
    assert opencsv.read(f'"1","x{newline}y"\n', 2) == [[None, None], [None, None]]


def python(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), ArchiveDialect))


@given(st.lists(st.lists(awkward_texts, min_size=3, max_size=3), max_size=4))
def test_cells_read_back_equal_with_either_reader(rows: list[list[str]]) -> None:
    text = b"".join(map(csv_line, rows)).decode()
    shown = [[cell.replace("\r", "\\r").replace("\n", "\\n") for cell in cells] for cells in rows]

    assert opencsv.read(text, 3) == shown
    assert python(text) == shown
    assert text.count("\n") == len(rows)
    assert "\r" not in text


@pytest.mark.parametrize("value", ["a\rb", "a\nb", ""])
def test_one_cell_that_cannot_show_its_text_is_enough_for_the_rest_to_have_it(value: str) -> None:
    cells = csv_cells(("a", "b"), ("x", value), {})

    assert (json.loads(cells[0]), cells[1:]) == ({"b": value}, ["x", value])


def csv_row(image: dict[str, Any], config: Any = CONFIG) -> dict[str, str]:
    """The cells by column, after both readers agreed on them."""
    (line,) = run(event(encoded(change(image))), config).lines
    text = line.decode()
    (cells,) = python(text)
    assert opencsv.read(text, len(cells)) == [cells]
    assert text.endswith('"\n')
    return dict(zip(config.row_columns, cells, strict=True))


@pytest.mark.parametrize("cells", [["\x1f"], ["a\x1fb", '"'], ["\x1f\x1f", "\\", "\x1f\n"], ["", "\x1f", ""]])
def test_a_unit_separator_in_a_cell_does_not_end_it(cells: list[str]) -> None:
    line = csv_line(cells).decode()

    (found,) = csv.reader(io.StringIO(line, newline=""), ArchiveDialect)

    assert found == [cell.replace("\n", "\\n") for cell in cells]


def test_a_row_is_the_metadata_the_image_the_rest_and_the_columns_in_order() -> None:
    found = csv_row({"other": {"N": "1.50"}, "place": {"M": {"geo": {"N": "2"}}}, "deviceID": {"S": "d1"}})

    assert list(found.values()) == [
        "devices",
        "6f3a4c0e-8b1d-4f7e-9f3a-0c8f6d1b2a34",
        "REMOVE",
        "2025-11-21 06:26:52.123",
        "1763706412123456",
        "ttl",
        "",
        '{"other":1.50}',
        "d1",
        "",
        "2",
    ]
    assert (*METADATA_COLUMNS, "ddb_image", "ddb_rest", *NAMES) == COLUMNS


def test_the_column_is_empty_when_nothing_was_removed() -> None:
    (line,) = run(
        event(encoded(change(kind="insert"))), settings(format="csv", changes="all", columns={"x": "x"})
    ).lines

    assert python(line.decode())[0][5] == ""


def test_the_image_is_in_the_row_when_it_is_switched_on() -> None:
    image = {"x": {"S": 'a\n"\\'}, "y": {"B": "RWdJSWV3PT0="}}

    found = csv_row(image, settings(format="csv", image=True, columns={"x": "x"}))

    assert list(found)[-3:] == ["ddb_image", "ddb_rest", "x"]
    assert json.loads(found["ddb_image"]) == {"x": {"S": 'a\n"\\'}, "y": {"B": "EgIIew=="}}


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_the_image_of_a_record_with_newlines_between_its_tokens_is_still_json(newline: str) -> None:
    data = json.dumps(change({"x": {"S": "a"}}), indent=1).replace("\n", newline).encode()

    (line,) = run(event(data), settings(format="csv", image=True, columns={"x": "x"})).lines

    assert json.loads(python(line.decode())[0][-3]) == {"x": {"S": "a"}}


@pytest.mark.parametrize(
    ("value", "cell", "rest"),
    [
        ({"S": "x"}, "x", ""),
        ({"S": ""}, "", '{"device":""}'),
        ({"NULL": True}, "", '{"device":null}'),
        (None, "", ""),
        ({"S": "a\nb"}, "a\\nb", '{"device":"a\\nb"}'),
        ({"S": "a\r\nb"}, "a\\r\\nb", '{"device":"a\\r\\nb"}'),
        ({"S": "a\rb"}, "a\\rb", '{"device":"a\\rb"}'),
        ({"S": "a\\nb"}, "a\\nb", ""),
        ({"N": "1.50E+3"}, "1.50E+3", ""),
        ({"BOOL": False}, "false", ""),
        ({"L": [{"S": "a\nb"}, {"N": "1.0"}]}, '["a\\nb",1.0]', ""),
        ({"M": {}}, "{}", ""),
        ({"B": "RWdJSWV3PT0="}, "EgIIew==", ""),
        ({"SS": ["b", "a"]}, '["b","a"]', ""),
    ],
)
def test_what_a_cell_cannot_show_exactly_is_also_in_the_rest(value: Any, cell: str, rest: str) -> None:
    found = csv_row({"deviceID": value} if value else {})

    assert (found["device"], found["ddb_rest"]) == (cell, rest)


def _cell_text(value: Any) -> str:
    """How a plain value must stand in a cell."""
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, str):
        return value.replace("\r", "\\r").replace("\n", "\\n")
    return "" if value is None else value


typed = st.fixed_dictionaries(
    {},
    optional={
        "deviceID": awkward_texts.map(lambda text: {"S": text}),
        "S": numbers().map(lambda text: {"N": text}),
        "place": st.one_of(
            texts.map(lambda text: {"S": text}), images.map(lambda image: {"M": {"geo": {"M": image}}})
        ),
    },
)


@given(typed, images)
def test_cells_and_rest_together_have_every_value(columns: dict[str, Any], others: dict[str, Any]) -> None:
    image = others | columns
    if len({name.lower() for name in image} | set(NAMES)) < len(image) + len(NAMES):
        return  # two for one column: another test

    found = csv_row(twice(image))

    rest = json.loads(found["ddb_rest"] or "{}", parse_int=Digits, parse_float=Digits)
    expected = {name: reference.plain(value, once=True) for name, value in image.items()}
    paths = {"deviceID": "device", "S": "reading"}
    if isinstance(expected.get("place"), dict):
        deep = json.loads(found["deep"], parse_int=Digits, parse_float=Digits)
        assert expected.pop("place") == {"geo": deep}
    for name, value in expected.items():
        column = paths.get(name, name)
        if column in rest:  # the rest wins
            assert rest.pop(column) == value
        else:
            cell: Any = found[column]
            assert _loaded(cell, value) == value
    assert rest == {}


def _loaded(cell: str, value: Any) -> Any:
    if isinstance(value, Digits):
        return Digits(cell)
    return cell if isinstance(value, str) else json.loads(cell, parse_int=Digits, parse_float=Digits)


def test_a_long_value_is_read_by_python_with_a_higher_field_limit() -> None:
    before = csv.field_size_limit(400 * 1024 * 2)
    try:
        assert csv_row({"deviceID": {"S": '"\\' * 100_000}})["device"] == '"\\' * 100_000
    finally:
        csv.field_size_limit(before)
