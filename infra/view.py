"""The view `archive_unique`: every delivered change once, with types also where the files are CSV.

Delivery is at least once at every hop, so a change can be delivered twice. Two rows are the same change when
all is equal that cannot differ between copies. That leaves out ddb_event_id, which may be another one in a
copy (unverified). It is never left to the columns alone where an item may have more: a row that is hidden is
worse than one that is shown twice.

rows have            equal must be                                          because
ddb_image            name, time, image (and the old image of an envelope)   the image is the whole item
no image yet         name, time, ddb_event_id                               images are kept only since then
csv without image    name, time, every column and ddb_rest                  together they are the whole item
envelope, no image   name, time, keys and both images                       the same
flat jsonl, no image all that, and ddb_event_id                             it may have more than its columns

And always the folder's date, for without it a query of one day would read every day. By arrival, a copy that
came on another day therefore stays; the saved query `unique_over_days` finds it.
"""

import base64
import json
from collections.abc import Sequence

from ttl_archive.infra.glue_columns import CatalogColumn, catalog_columns
from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, Settings

TABLE = "archive"
VIEW = "archive_unique"
_ALWAYS = ("ddb_table", "ddb_event_name", "ddb_event_us")


def view_sql(settings: Settings) -> str:
    """The SELECT behind the view, in Athena's SQL."""
    return unique_sql(settings, [settings.output.date_column])


def unique_sql(settings: Settings, also_same: Sequence[str] = (), where: str = "") -> str:
    """Every change once; `also_same` are further columns that must be equal, `where` chooses rows before."""
    names = [quoted(column.name) for column in view_columns(settings)]
    typed = [f"{_typed(column, settings)} AS {quoted(column.name)}" for column in view_columns(settings)]
    same = ", ".join([*map(quoted, also_same), *same_change(settings)])
    return "\n".join(
        [
            f"SELECT {', '.join(names)}",
            "FROM (",
            "  SELECT",
            *(f"    {column}," for column in typed),
            f"    row_number() OVER (PARTITION BY {same} ORDER BY ddb_event_id) AS ddb_copy",
            f"  FROM {TABLE}",
            *([f"  WHERE {where}"] if where else []),
            ")",
            "WHERE ddb_copy = 1",
        ]
    )


def searched_sql(settings: Settings) -> str:
    """All that is known of an item as one text, to be searched with LIKE."""
    if settings.output.image:
        return IMAGE_COLUMN
    content = [name for name in settings.row_columns if name not in METADATA_COLUMNS]
    return "concat_ws(' ', " + ", ".join(f"cast({quoted(name)} AS varchar)" for name in content) + ")"


def quoted(name: str) -> str:
    """A name as SQL takes it even if it is a reserved word."""
    return f'"{name}"'


def same_change(settings: Settings) -> tuple[str, ...]:
    """What is equal in two rows exactly when they tell of the same change, as SQL expressions."""
    output = settings.output
    content = [name for name in settings.row_columns if name not in METADATA_COLUMNS]
    if output.image:
        # Parsed and written again, the members of the image are in one order, whichever the record had.
        # A row from before images were kept has none, which says nothing: there only its event tells it.
        parsed = f"try(json_format(json_parse({IMAGE_COLUMN})))"
        image = f"coalesce({parsed}, nullif({IMAGE_COLUMN}, ''), ddb_event_id)"
        old = ("old_image",) if output.row == "envelope" else ()
        return (*_ALWAYS, image, *old)
    if output.format == "csv" or output.row == "envelope":
        return (*_ALWAYS, *map(quoted, content))
    return (*_ALWAYS, *map(quoted, content), "ddb_event_id")


def view_columns(settings: Settings) -> tuple[CatalogColumn, ...]:
    """The view's columns, the partition's last."""
    return (*catalog_columns(settings), CatalogColumn(settings.output.date_column, "string"))


def view_text(settings: Settings, database: str) -> str:
    """The view as Athena stores it in Glue: base64 of JSON in a comment.

    The form is not documented; it is what Athena writes itself. The saved query `create_view` makes the same
    view by SQL, should Athena refuse this one.
    """
    content = {
        "originalSql": view_sql(settings),
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": column.name, "type": column.presto} for column in view_columns(settings)],
    }
    return f"/* Presto View: {base64.b64encode(json.dumps(content).encode()).decode()} */"


def _typed(column: CatalogColumn, settings: Settings) -> str:
    """The column with its type. CSV has text only: empty is NULL, and what is no such value is NULL too."""
    name = quoted(column.name)
    if settings.output.format != "csv" or column.name == settings.output.date_column:
        return name
    if column.name == "ddb_removed_by":
        return f"nullif({name}, '')"
    if column.presto == "varchar":
        return name
    if column.presto == "timestamp(3)":
        iso = f"try(cast(from_iso8601_timestamp({name}) AS timestamp(3)))"
        return f"coalesce(try_cast(nullif({name}, '') AS timestamp(3)), {iso})"
    return f"try_cast(nullif({name}, '') AS {column.presto})"
