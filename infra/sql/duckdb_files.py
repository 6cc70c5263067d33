"""The text tables for DuckDB: `archive_files` and `error_files` over delivered objects.

Lines are read whole, so that a broken one becomes a row of NULLs instead of an error or a silent gap:

JSONL   read_ndjson_objects returns each line as it is written, and NULL for what is not one JSON value;
        where every row has an image, read_json returns its members in less time, see `Reading`
CSV     each line is text, taken apart here as Athena's OpenCSVSerDe does: DuckDB's own CSV reader refuses
        or skips a line whose quote is never closed

Source of the CSV rules: ATH, OpenCSV SerDe; transform/formats.py, `ArchiveDialect`.
"""

from collections.abc import Sequence
from enum import Enum, auto

from ttl_archive.infra.sql.dialect import literal, quoted
from ttl_archive.infra.sql.duckdb_dialect import (
    INEXACT,
    evaluated_once,
    exact_member,
    kinds_at,
    pointer,
    strings_at,
    text_list,
)
from ttl_archive.infra.sql.errors_relation import ERROR_KEYS
from ttl_archive.infra.sql.text_table import TextColumn, archive_text_columns
from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, Settings

# Far more than the row of an item of 400 KB takes, in any format.
_LONGEST_LINE_BYTES = 32 * 1024 * 1024
_LINE_OPTIONS = f"ignore_errors = true, filename = true, maximum_object_size = {_LONGEST_LINE_BYTES}"
_METADATA_AND_IMAGE = (*METADATA_COLUMNS, IMAGE_COLUMN)
_CELL = r'"(?:[^"\\]|\\["\\])*"'
_CSV_LINE = rf"^{_CELL}(?:,{_CELL})*\z"
# A line has no carriage return, so these never occur in one.
_DELIMITER, _BACKSLASH, _QUOTE = (f"chr({code}) || chr(13)" for code in (1, 2, 3))
# The error of a query that needs a row's own members, in Reading.IMAGES.
NO_IMAGE_MARK = "ttl-archive needs the whole line"


class Reading(Enum):
    """How rows of JSON lines are read.

    The member of a number passes through a double in DuckDB's reader. WHOLE_LINES takes the text of members
    from the line, and has every value that can be proved exact. IMAGES reads only metadata and image, which
    are text and exact, in half the time. A query that needs more of a row, because the row has no image, ends
    with an error that has NO_IMAGE_MARK.
    """

    WHOLE_LINES = auto()
    IMAGES = auto()


def archive_files_sql(
    files: Sequence[str], settings: Settings, reading: Reading = Reading.WHOLE_LINES
) -> str:
    """Return the SELECT of `archive_files` over files such as s3://bucket/archive/TABLE/dt=…/x.jsonl.gz."""
    columns = archive_text_columns(settings)
    date = settings.output.date_column
    is_csv = settings.output.format == "csv"
    if not files:
        names = [*(column.name for column in columns), date, "$path"]
        return _no_rows(names, [] if is_csv else [INEXACT])
    if is_csv:
        return _csv(files, columns, date)
    if reading is Reading.IMAGES:
        return _images(files, columns, date)
    return _jsonl(files, columns, settings)


def possible_readings(settings: Settings) -> tuple[Reading, ...]:
    """Return the readings to try in turn, the last of which can always answer."""
    output = settings.output
    rows_have_images = output.format == "jsonl" and output.row == "flat" and output.image
    return (*([Reading.IMAGES] if rows_have_images else []), Reading.WHOLE_LINES)


def error_files_sql(files: Sequence[str]) -> str:
    """Return the SELECT of `error_files` over error objects."""
    if not files:
        return _no_rows([*ERROR_KEYS, "$path"])
    members = [
        f"coalesce({', '.join(f'json_extract_string(json, {literal(pointer([key]))})' for key in keys)})"
        for keys in ERROR_KEYS.values()
    ]
    named = (f"{member} AS {name}" for member, name in zip(members, ERROR_KEYS, strict=True))
    return f"SELECT {', '.join(named)}, filename AS {quoted('$path')}\nFROM {_lines_of_json(files)}"


def _jsonl(files: Sequence[str], columns: Sequence[TextColumn], settings: Settings) -> str:
    date, is_envelope = quoted(settings.output.date_column), settings.output.row == "envelope"
    texts = {column.name: f"texts[{n}]" for n, column in enumerate(columns, 1)}
    members = [column for column in columns if column.name not in _METADATA_AND_IMAGE]
    exact = {
        column.name: exact_member("line", column.key, texts[column.name], f"kinds[{n}]")
        for n, column in enumerate(members, 1)
    }
    # The kinds of members are needed where members are read: without an image, and in envelopes.
    reads_members = "true" if is_envelope else f"coalesce({texts[IMAGE_COLUMN]}, '') = ''"
    selected = [f"{text} AS {quoted(name)}" for name, text in (texts | exact).items()]
    inexact = [
        f"CASE WHEN {texts[name]} IS NOT NULL AND {text} IS NULL THEN {literal(name)} END"
        for name, text in exact.items()
    ]
    listed = f"nullif(list_filter([{', '.join(inexact)}], lambda name: name IS NOT NULL), [])"
    selected.append(f"{f'CASE WHEN {reads_members} THEN {listed} END' if inexact else 'NULL'} AS {INEXACT}")
    found = strings_at("line", _pointers(columns))
    kinds = (
        f"CASE WHEN {reads_members} THEN {kinds_at('line', _pointers(members))} END" if members else "NULL"
    )
    lines = f"SELECT CAST(json AS VARCHAR) AS line, {date}, filename\n   FROM "
    lines += _lines_of_json(files, settings.output.date_column)
    with_texts = f"SELECT line, {found} AS texts, {date}, filename\n  FROM (\n   {lines}\n  )"
    with_kinds = f"SELECT line, texts, {kinds} AS kinds, {date}, filename\n FROM (\n  {with_texts}\n )"
    return f"SELECT {', '.join(selected)}, {date}, filename AS {quoted('$path')}\nFROM (\n {with_kinds}\n)"


def _pointers(columns: Sequence[TextColumn]) -> list[str]:
    return [pointer([column.key]) for column in columns]


def _images(files: Sequence[str], columns: Sequence[TextColumn], date: str) -> str:
    """Return the rows with metadata and image; each other column is an error in a row without an image.

    The error is in those columns and not in a filter, which DuckDB could evaluate after another filter has
    left out the row.
    """
    read = _METADATA_AND_IMAGE
    types = ", ".join(f"{name}: 'VARCHAR'" for name in read)
    reader = (
        f"read_json({text_list(files)}, format = 'newline_delimited', records = true, columns = {{{types}}},"
        f" {_LINE_OPTIONS}, {_hive(date)})"
    )
    # The line of a broken row has no time.
    error = f"error({literal(NO_IMAGE_MARK)})"
    member = f"CASE WHEN {IMAGE_COLUMN} <> '' THEN NULL WHEN ddb_event_us IS NOT NULL THEN {error} END"
    rows = (
        f"SELECT {', '.join(read)}, {quoted(date)}, filename, CAST({member} AS VARCHAR) AS ddb_member"
        f"\n FROM {reader}"
    )
    names = [column.name for column in columns]
    selected = [name if name in read else f"ddb_member AS {quoted(name)}" for name in names]
    selected.append(f"CAST(ddb_member AS VARCHAR[]) AS {INEXACT}")
    return f"SELECT {', '.join(selected)}, {quoted(date)}, filename AS {quoted('$path')}\nFROM (\n {rows}\n)"


def _csv(files: Sequence[str], columns: Sequence[TextColumn], date: str) -> str:
    reader = (
        f"read_csv({text_list(files)}, auto_detect = false, header = false, columns = {{line: 'VARCHAR'}},"
        # With a delimiter that never occurs, a line stays whole.
        f" delim = {_DELIMITER}, quote = '', escape = '', new_line = '\\n', strict_mode = false,"
        # Without buffer_size DuckDB would reserve sixteen of the longest lines.
        f" max_line_size = {_LONGEST_LINE_BYTES}, buffer_size = {2 * _LONGEST_LINE_BYTES},"
        f" filename = true, {_hive(date)})"
    )
    rows = f"SELECT line, {_cells('line')} AS cells, {quoted(date)}, filename FROM {reader}"
    checked = f"SELECT {_if_whole('line', 'cells')} AS cells, {quoted(date)}, filename\n FROM (\n  {rows}\n )"
    selected = ", ".join(f"cells[{n}] AS {quoted(column.name)}" for n, column in enumerate(columns, 1))
    return f"SELECT {selected}, {quoted(date)}, filename AS {quoted('$path')}\nFROM (\n {checked}\n)"


def _cells(line: str) -> str:
    """Return the list of a line's cells, without their escapes, NULL for a broken line with a backslash.

    Escapes are replaced before the line is split at quote, comma, quote: a pattern for each cell took five
    times as long. Most lines have no escape, and need no pattern: see `_if_whole`.
    """
    safe = f"replace(replace({line}, '\\\\', {_BACKSLASH}), '\\\"', {_QUOTE})"
    restored = f"replace(replace(cell, {_QUOTE}, '\"'), {_BACKSLASH}, '\\')"
    cell = f"CASE WHEN contains(cell, chr(13)) THEN {restored} ELSE cell END"
    is_row = f"regexp_matches({line}, {literal(_CSV_LINE)}, 's')"
    escaped = f"CASE WHEN {is_row} THEN list_transform({_split(safe)}, lambda cell: {cell}) END"
    cells = f"CASE WHEN {_has_escape(line)} THEN {escaped} ELSE {_split(line)} END"
    return evaluated_once(cells, _never(line))


def _if_whole(line: str, cells: str) -> str:
    """Return the cells, NULL for a broken line: without escapes, no cell of a whole one has a quote."""
    is_quoted = f"starts_with({line}, '\"') AND ends_with({line}, '\"') AND strlen({line}) > 1"
    is_plain = f"{is_quoted} AND NOT contains(array_to_string({cells}, ''), '\"')"
    return evaluated_once(f"CASE WHEN {_has_escape(line)} OR ({is_plain}) THEN {cells} END", _never(line))


def _has_escape(line: str) -> str:
    return f"contains({line}, '\\')"


def _never(line: str) -> str:
    return f"{line} = {_DELIMITER}"  # the delimiter separates columns, so it is in no line


def _split(line: str) -> str:
    return f"string_split(substr({line}, 2, length({line}) - 2), '\",\"')"


def _lines_of_json(files: Sequence[str], date: str | None = None) -> str:
    folder = f", {_hive(date)}" if date else ""
    return f"read_ndjson_objects({text_list(files)}, {_LINE_OPTIONS}{folder})"


def _hive(date: str) -> str:
    return f"hive_partitioning = true, hive_types = {{{quoted(date)}: VARCHAR}}"


def _no_rows(names: Sequence[str], lists: Sequence[str] = ()) -> str:
    nulls = [f"NULL::VARCHAR AS {quoted(name)}" for name in names]
    nulls += [f"NULL::VARCHAR[] AS {quoted(name)}" for name in lists]
    return f"SELECT {', '.join(nulls)} WHERE false"
