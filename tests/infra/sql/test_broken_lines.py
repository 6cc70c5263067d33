"""Lines that are no whole row are in no relation, and are found by `broken_lines`."""

from pathlib import Path

import pytest

from tests.infra.sql.sql_archive import DAY, FLAT, SHAPES, SqlArchive, settings
from tests.transform.builders import change, encoded
from ttl_archive.infra.sql.duckdb_files import possible_readings
from ttl_archive.transform.convert import Row, converter

COLUMNS = [{"name": "id"}, {"name": "note"}]


LINES = [b"garbage", b"{}", b"[]", b'"a","b"', b'{"ddb_event_name":"OTHER"}', b"null", b'"']
# Cells of CSV that are not quoted as Athena's OpenCSVSerDe needs them.
CELLS = [b'"a""b"', b'"a" ,"b"', b'a,"b"', b'",","', b'"a","b\\"', b'"a","b"c"', b"a", b'""a"']


def row_of(shape: str) -> bytes:
    row = converter(settings(shape, COLUMNS))(encoded(change({"id": {"S": "a"}, "note": {"S": "x, y"}})))
    assert isinstance(row, Row)
    return row.line


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("where", ["first", "between", "last"])
@pytest.mark.parametrize("cut", [1, 40, 100, -3])
def test_a_truncated_line_is_found_and_its_neighbours_are_read(
    tmp_path: Path, shape: str, where: str, cut: int
) -> None:
    archive, chosen, row = SqlArchive(tmp_path), settings(shape, COLUMNS), row_of(shape)
    broken = row[:cut]
    rows = [row, row]
    rows.insert(["first", "between", "last"].index(where), broken if where == "last" else broken + b"\n")
    archive.write(chosen, b"".join(rows))

    for reading in possible_readings(chosen):
        assert archive.ask(chosen, "SELECT count(*) FROM archive", reading=reading) == [(2,)]
    assert archive.ask(chosen, "SELECT count(*) FROM archive_unique") == [(1,)]
    assert archive.saved(chosen, "broken_lines", DAY, DAY) == [(DAY, archive.files[0], 1)]


@pytest.mark.parametrize("shape", ["jsonl", "csv"])
@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_something_else_is_found(tmp_path: Path, shape: str, line: bytes) -> None:
    archive, chosen = SqlArchive(tmp_path), settings(shape, COLUMNS)
    archive.write(chosen, row_of(shape) + line + b"\n")

    for reading in possible_readings(chosen):
        assert archive.ask(chosen, "SELECT id, note FROM archive", reading=reading) == [("a", "x, y")]
    assert archive.saved(chosen, "broken_lines", DAY, DAY) == [(DAY, archive.files[0], 1)]


@pytest.mark.parametrize("cells", CELLS)
def test_cells_that_are_not_quoted_well_are_a_broken_line(tmp_path: Path, cells: bytes) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("csv", COLUMNS)
    row = row_of("csv")
    archive.write(chosen, row + row.replace(b'"a"', cells))

    assert archive.ask(chosen, "SELECT id, note FROM archive") == [("a", "x, y")]
    assert archive.saved(chosen, "broken_lines", DAY, DAY) == [(DAY, archive.files[0], 1)]


@pytest.mark.parametrize("text", ['"', '","', "\\", '\\","', ",", '",', "é\\", '\\"', "", "é, ü"])
def test_a_cell_is_read_as_it_was_written(tmp_path: Path, text: str) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("csv", COLUMNS)
    archive.deliver(chosen, change({"id": {"S": text or "-"}, "note": {"S": f"{text}x"}}))

    assert archive.ask(chosen, "SELECT id, note FROM archive") == [(text or "-", f"{text}x")]


@pytest.mark.parametrize("shape", FLAT)
def test_a_whole_archive_has_no_broken_line(tmp_path: Path, shape: str) -> None:
    archive, chosen = SqlArchive(tmp_path), settings(shape, COLUMNS)
    archive.write(chosen, row_of(shape) * 3)

    assert archive.saved(chosen, "broken_lines", DAY, DAY) == []


def test_an_image_that_is_not_json_is_no_error(tmp_path: Path) -> None:
    """Nobody writes such a row; a query over it still answers."""
    archive, chosen = SqlArchive(tmp_path), settings("csv with image", COLUMNS)
    body = row_of("csv with image")
    archive.write(chosen, body + body.replace(b'"{\\"id', b'"{\\"id\\"'))

    assert archive.ask(chosen, "SELECT id FROM archive ORDER BY 1") == [("a",), (None,)]
