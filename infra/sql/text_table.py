"""The text table `archive_files`: what every relation reads, and each of its columns is text.

columns                    in the row                                       rows
metadata, ddb_image        the members of these names                       all
[[columns]]                the members of these names                       those without an image, and CSV
ddb_own_NAME               the attribute of column NAME under its own name  those older than the column
keys, new_image, old_image the members of these names                       of an envelope
ddb_rest                   what has no cell                                 CSV

The table is also the schema by which Firehose converts rows to Parquet. Text is the one type that every
value fits, so no conversion fails, and files stay readable when a column gets another type.
"""

from dataclasses import dataclass

from ttl_archive.transform.settings import (
    ENVELOPE_COLUMNS,
    IMAGE_COLUMN,
    METADATA_COLUMNS,
    Column,
    Settings,
)

ARCHIVE_FILES = "archive_files"
ERROR_FILES = "error_files"
_OWN = "ddb_own_"
_MAX_NAME_LENGTH = 255  # Source: ATH, names for tables, databases, and columns


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of a text table, and the key of its value in a row of JSON."""

    name: str
    key: str


def archive_text_columns(settings: Settings) -> tuple[TextColumn, ...]:
    """Return the columns of `archive_files` in their order, without the date column of the folder."""
    if settings.output.format == "csv":
        names: tuple[str, ...] = settings.row_columns
    elif settings.output.row == "envelope":
        names = (*METADATA_COLUMNS, IMAGE_COLUMN, *ENVELOPE_COLUMNS)
    else:
        own = tuple(column.name for column in settings.columns)
        names = (*METADATA_COLUMNS, IMAGE_COLUMN, *own)
    columns = tuple(TextColumn(name, name) for name in names)
    if settings.output.format == "csv":
        return columns
    return columns + tuple(_own_columns(settings))


def own_key(column: Column, settings: Settings) -> str | None:
    """Return the key under which rows have the column's attribute while it has no column.

    None where that is the column's name, and for an attribute inside a map, which has no key of its own.
    """
    if len(column.path) == 1:
        key = column.path[0]
    elif settings.output.nested == "flatten":
        key = "_".join(column.path)
    else:
        return None
    return None if key == column.name else key


def own_column(column: Column, settings: Settings) -> str | None:
    """Return the name of the text column with the attribute under its own name, if there is one."""
    if own_key(column, settings) is None or settings.output.format == "csv":
        return None
    return (_OWN + column.name)[:_MAX_NAME_LENGTH]


def hidden_columns(settings: Settings) -> tuple[Column, ...]:
    """Return the columns that the relations read and do not show.

    They are the key attributes that no column of [[columns]] has as its path, and with [table] backfilled
    the TTL attribute too. An envelope without images has its keys in `keys` alone.
    """
    table, paths = settings.table, {column.path for column in settings.columns}
    wanted = {f"ddb_key_{n}": key for n, key in enumerate(table.keys, 1)}
    if table.backfilled:
        wanted["ddb_ttl"] = table.ttl_attribute
    elif settings.output.row == "envelope" and not settings.output.image:
        return ()
    return tuple(Column(name, (key,), "string") for name, key in wanted.items() if (key,) not in paths)


def _own_columns(settings: Settings) -> list[TextColumn]:
    found = [
        TextColumn(name, key)
        for column in settings.columns
        if (name := own_column(column, settings)) and (key := own_key(column, settings))
    ]
    return found + [TextColumn(column.name, column.path[0]) for column in hidden_columns(settings)]
