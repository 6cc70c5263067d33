"""SQL over the delivered files: DuckDB in Athena's place.

Two views, made from the settings as the Athena table is:

    archive                what the files hold, one row a line, with the folder's date column
    archive_deduplicated   each change once

Columns of `[[columns]]` have their type; a value that does not fit it is NULL here and whole in `ddb_image`
(or `ddb_rest`). Attributes without a column are there under their own names in JSONL, typed by what they
hold: text unless all are whole numbers, numbers or booleans. DuckDB reads a JSON number with a fraction as a
double, so past 17 digits the exact text is in `ddb_image` only.

As with Athena, objects in GLACIER are skipped without a word until they are restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
from duckdb_extensions import import_extension

from ttl_archive.infra.local.moto_server.emulator import KEY, REGION
from ttl_archive.infra.local.s3.retrievals import ARCHIVED
from ttl_archive.transform.settings import ENVELOPE_COLUMNS, IMAGE_COLUMN, METADATA_COLUMNS, Settings

# Far more than the row of an item of 400 KB takes, which may be over DuckDB's own 2 MB for a line of CSV.
_LONGEST_LINE_BYTES = 32 * 1024 * 1024
ARCHIVE = "archive"
DEDUPLICATED = "archive_deduplicated"

_METADATA_TYPES = {"ddb_event_time": "TIMESTAMP", "ddb_event_us": "BIGINT"}
_TYPES = {
    "string": "VARCHAR",
    "json": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}
# Of the types that DuckDB guesses, those that lose nothing a reader would look for; the rest stays text.
_GUESSED = {"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE", "BOOLEAN"}


def connect(s3_url: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB database in memory that reads `s3://` from a local endpoint. Nothing is downloaded for it."""
    connection = duckdb.connect()
    import_extension("httpfs")
    connection.load_extension("httpfs")
    connection.execute("SET http_proxy = ''")  # the endpoint is this machine, whatever HTTP_PROXY says
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{KEY}', REGION '{REGION}',"
        f" ENDPOINT '{s3_url.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)"
    )
    return connection


def readable_objects(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Keys under the prefix that can be read now: all but those in GLACIER that are not restored."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    listed = [entry for page in pages for entry in page.get("Contents", [])]
    return [
        entry["Key"]
        for entry in listed
        if entry.get("StorageClass") not in ARCHIVED or _is_restored(s3, bucket, entry["Key"])
    ]


def create_views(
    connection: duckdb.DuckDBPyConnection, bucket: str, keys: Sequence[str], settings: Settings
) -> None:
    """Make, or make anew, both views over these objects, such as readable_objects() gives."""
    files = [f"s3://{bucket}/{key}" for key in keys]
    archive = _select(connection, files, settings) if files else _nothing(settings)
    connection.execute(f"CREATE OR REPLACE VIEW {ARCHIVE} AS {archive}")
    columns = [row[0] for row in connection.execute(f"DESCRIBE {ARCHIVE}").fetchall()]
    connection.execute(f"CREATE OR REPLACE VIEW {DEDUPLICATED} AS {_deduplicated(columns, settings)}")


def _select(connection: duckdb.DuckDBPyConnection, files: Sequence[str], settings: Settings) -> str:
    types = _declared_types(settings)
    reader = _csv if settings.output.format == "csv" else _jsonl
    source, columns = reader(connection, files, settings)
    date = settings.output.date_column
    expressions = [_typed(column, types.get(column)) for column in columns if column != date]
    return f"SELECT {', '.join([*expressions, _name(date)])} FROM {source}"  # noqa: S608 - names are quoted


def _nothing(settings: Settings) -> str:
    """The view of no files: the columns that are known beforehand and no row."""
    types = _declared_types(settings) | {settings.output.date_column: "VARCHAR"}
    names = [*settings.row_columns, settings.output.date_column]
    nulls = [f"NULL::{types.get(name, 'VARCHAR')} AS {_name(name)}" for name in names]
    return f"SELECT {', '.join(nulls)} LIMIT 0"


def _jsonl(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], settings: Settings
) -> tuple[str, list[str]]:
    options = (
        f"{_list(files)}, format = 'newline_delimited', {_hive(settings)},"
        f" maximum_object_size = {_LONGEST_LINE_BYTES}"
    )
    guess = f"read_json({options}, sample_size = -1, union_by_name = true, maximum_depth = 2)"
    described = connection.execute(f"DESCRIBE FROM {guess}").fetchall()
    known = settings.row_columns
    guessed = {
        name: type_ for name, type_, *_ in described if name not in (*known, settings.output.date_column)
    }
    # First what is known, in the row's order, then the attributes without a column.
    types = dict.fromkeys(known, "VARCHAR")
    types |= {name: type_ if type_ in _GUESSED else "VARCHAR" for name, type_ in guessed.items()}
    columns = ", ".join(f"{_name(name)}: '{type_}'" for name, type_ in types.items())
    return f"read_json({options}, columns = {{{columns}}})", list(types)


def _csv(
    connection: duckdb.DuckDBPyConnection,  # noqa: ARG001 - the readers have one shape
    files: Sequence[str],
    settings: Settings,
) -> tuple[str, list[str]]:
    names = list(settings.row_columns)
    columns = ", ".join(f"{_name(name)}: 'VARCHAR'" for name in names)
    dialect = "auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\\'"
    # Without buffer_size DuckDB would reserve sixteen of the longest lines.
    longest = f"max_line_size = {_LONGEST_LINE_BYTES}, buffer_size = {2 * _LONGEST_LINE_BYTES}"
    # As OpenCSVSerDe has it: an empty cell is an empty string, and only a cell that is not there is NULL.
    filled = "allow_quoted_nulls = false, null_padding = true"
    options = f"{_list(files)}, {dialect}, {longest}, {filled}, {_hive(settings)}"
    return f"read_csv({options}, columns = {{{columns}}})", names


def _deduplicated(columns: Sequence[str], settings: Settings) -> str:
    """One row for each event id, then one for each change.

    A record delivered twice keeps its event id; whether DynamoDB gives a record that it sends twice the same
    one is UNVERIFIED. So the same image, changed in the same way at the same microsecond, is also one change:
    an image has the item's keys, and two items never have the same. A row that has none is told by its event.
    """
    if settings.output.row == "envelope":
        image: Iterable[str] = map(_name, ENVELOPE_COLUMNS)
    elif settings.output.image:
        image = [f"coalesce(nullif({_name(IMAGE_COLUMN)}, ''), ddb_event_id)"]
    else:
        no_content = (*METADATA_COLUMNS, settings.output.date_column)
        image = [_name(name) for name in columns if name not in no_content]
    change = ", ".join(["ddb_event_us", "ddb_event_name", *image])
    date = _name(settings.output.date_column)
    once = f"FROM {ARCHIVE} SELECT DISTINCT ON (ddb_event_id) * ORDER BY {date}"
    return f"FROM ({once}) SELECT DISTINCT ON ({change}) * ORDER BY {date}"


def _declared_types(settings: Settings) -> dict[str, str]:
    declared = {column.name: _TYPES.get(column.type, column.type.upper()) for column in settings.columns}
    return {**declared, **_METADATA_TYPES}


def _typed(column: str, type_: str | None) -> str:
    name = _name(column)
    return f"TRY_CAST({name} AS {type_}) AS {name}" if type_ not in (None, "VARCHAR") else name


def _hive(settings: Settings) -> str:
    date = _name(settings.output.date_column)
    return f"hive_partitioning = true, hive_types = {{{date}: VARCHAR}}"


def _is_restored(s3: Any, bucket: str, key: str) -> bool:
    return 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key=key).get("Restore", "")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _list(texts: Iterable[str]) -> str:
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"
