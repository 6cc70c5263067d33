"""A line of CSV -> its cells by column, also of a row from before columns were added at the end."""

import csv

from transform.formats import ArchiveDialect
from transform.settings import IMAGE_COLUMN, REST_COLUMN, Settings


def csv_row(line: bytes, settings: Settings) -> dict[str, str]:
    """The cells of a row under their names; the columns that it does not have yet are left out.

    Raises ValueError or csv.Error for a line that is no row, or was written with other settings: with columns
    that are gone, or where the image was not kept and is today.
    """
    (cells,) = csv.reader([line.decode()], ArchiveDialect)
    names = settings.row_columns
    if not len(names) - len(settings.columns) <= len(cells) <= len(names):
        raise ValueError(f"{len(cells)} cells are not a row's")
    row = dict(zip(names, cells, strict=False))
    if not (row[REST_COLUMN] or "{").startswith("{") or not row.get(IMAGE_COLUMN, "{").startswith("{"):
        raise ValueError("what stands for JSON is none")
    return row
