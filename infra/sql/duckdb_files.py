"""The text tables for DuckDB: `archive_files` and `error_files` over delivered objects.

Lines are read whole, so that a broken one becomes a row of NULLs instead of an error or a silent gap:

JSONL   read_ndjson_objects returns each line as it is written, and NULL for what is not one JSON value
CSV     each line is text, taken apart here as Athena's OpenCSVSerDe does: DuckDB's own CSV reader refuses
        or skips a line whose quote is never closed

Source of the CSV rules: ATH, OpenCSV SerDe; transform/formats.py, `ArchiveDialect`.
"""

from collections.abc import Sequence

from ttl_archive.infra.sql.dialect import literal, quoted
from ttl_archive.infra.sql.duckdb_dialect import INEXACT, exact_member, pointer, text_list
from ttl_archive.infra.sql.errors_relation import ERROR_KEYS
from ttl_archive.infra.sql.text_table import TextColumn, archive_text_columns
from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, Settings

# Far more than the row of an item of 400 KB takes, in any format.
_LONGEST_LINE_BYTES = 32 * 1024 * 1024
_CELL = r'"(?:[^"\\]|\\["\\])*"'
_CSV_LINE = rf"^{_CELL}(?:,{_CELL})*\z"
# A line has no carriage return, so these never occur in one.
_DELIMITER, _BACKSLASH, _QUOTE = (f"chr({code}) || chr(13)" for code in (1, 2, 3))


def archive_files_sql(files: Sequence[str], settings: Settings) -> str:
    """Return the SELECT of `archive_files` over files such as s3://bucket/archive/TABLE/dt=…/x.jsonl.gz."""
    columns = archive_text_columns(settings)
    date = settings.output.date_column
    is_csv = settings.output.format == "csv"
    if not files:
        names = [*(column.name for column in columns), date, "$path"]
        return _no_rows(names, [] if is_csv else [INEXACT])
    return _csv(files, columns, date) if is_csv else _jsonl(files, columns, settings)


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
    pointers = text_list([pointer([column.key]) for column in columns])
    places = {column.name: n for n, column in enumerate(columns, 1)}
    # The kinds of members are needed where members are read: without an image, and in envelopes.
    image = f"texts[{places[IMAGE_COLUMN]}]"
    reads_members = "true" if settings.output.row == "envelope" else f"coalesce({image}, '') = ''"
    plain = {*METADATA_COLUMNS, IMAGE_COLUMN}
    selected, inexact = [], []
    for column in columns:
        text, kind = f"texts[{places[column.name]}]", f"kinds[{places[column.name]}]"
        exact = text if column.name in plain else exact_member("line", column.key, text, kind)
        selected.append(f"{exact} AS {quoted(column.name)}")
        if column.name not in plain:
            inexact.append(
                f"CASE WHEN {text} IS NOT NULL AND {exact} IS NULL THEN {literal(column.name)} END"
            )
    listed = f"nullif(list_filter([{', '.join(inexact)}], lambda name: name IS NOT NULL), [])"
    selected.append(f"{f'CASE WHEN {reads_members} THEN {listed} END' if inexact else 'NULL'} AS {INEXACT}")
    date = quoted(settings.output.date_column)
    texts = (
        f"SELECT json AS line, TRY(json_extract_string(json, {pointers})) AS texts, {date}, filename"
        f"\n  FROM {_lines_of_json(files, settings.output.date_column)}"
    )
    kinds = f"SELECT line, texts, CASE WHEN {reads_members} THEN json_type(line, {pointers}) END AS kinds"
    inner = f"{kinds}, {date}, filename\n FROM (\n  {texts}\n )"
    return f"SELECT {', '.join(selected)}, {date}, filename AS {quoted('$path')}\nFROM (\n {inner}\n)"


def _csv(files: Sequence[str], columns: Sequence[TextColumn], date: str) -> str:
    reader = (
        f"read_csv({text_list(files)}, auto_detect = false, header = false, columns = {{line: 'VARCHAR'}},"
        # With a delimiter that never occurs, a line stays whole.
        f" delim = {_DELIMITER}, quote = '', escape = '', new_line = '\\n', strict_mode = false,"
        # Without buffer_size DuckDB would reserve sixteen of the longest lines.
        f" max_line_size = {_LONGEST_LINE_BYTES}, buffer_size = {2 * _LONGEST_LINE_BYTES},"
        f" filename = true, {_hive(date)})"
    )
    is_row = f"regexp_matches(line, {literal(_CSV_LINE)}, 's')"
    cells = f"CASE WHEN {is_row} THEN {_cells('line')} END AS cells"
    rows = f"SELECT {cells}, {quoted(date)}, filename FROM {reader}"
    selected = ", ".join(f"cells[{n}] AS {quoted(column.name)}" for n, column in enumerate(columns, 1))
    return f"SELECT {selected}, {quoted(date)}, filename AS {quoted('$path')}\nFROM (\n {rows}\n)"


def _cells(line: str) -> str:
    """Return the list of a line's cells, without their escapes.

    Escapes are replaced before the line is split at quote, comma, quote: a pattern for each cell took five
    times as long.
    """
    safe = f"replace(replace({line}, '\\\\', {_BACKSLASH}), '\\\"', {_QUOTE})"
    cells = f"string_split(substr({safe}, 2, length({safe}) - 2), '\",\"')"
    restored = f"replace(replace(cell, {_QUOTE}, '\"'), {_BACKSLASH}, '\\')"
    cell = f"CASE WHEN contains(cell, chr(13)) THEN {restored} ELSE cell END"
    return f"list_transform({cells}, lambda cell: {cell})"


def _lines_of_json(files: Sequence[str], date: str | None = None) -> str:
    folder = f", {_hive(date)}" if date else ""
    return (
        f"read_ndjson_objects({text_list(files)}, ignore_errors = true, filename = true,"
        f" maximum_object_size = {_LONGEST_LINE_BYTES}{folder})"
    )


def _hive(date: str) -> str:
    return f"hive_partitioning = true, hive_types = {{{quoted(date)}: VARCHAR}}"


def _no_rows(names: Sequence[str], lists: Sequence[str] = ()) -> str:
    nulls = [f"NULL::VARCHAR AS {quoted(name)}" for name in names]
    nulls += [f"NULL::VARCHAR[] AS {quoted(name)}" for name in lists]
    return f"SELECT {', '.join(nulls)} WHERE false"
