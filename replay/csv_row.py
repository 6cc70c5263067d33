"""A line of CSV -> its cells by column, also of a row from before columns were added at the end."""

import csv
import sys

from ttl_archive.transform.formats import ArchiveDialect
from ttl_archive.transform.settings import IMAGE_COLUMN, REST_COLUMN, Settings

csv.field_size_limit(sys.maxsize)  # an item may have 400 KB, and Python reads cells of 128 KB by default


def csv_row(line: bytes, settings: Settings) -> dict[str, str]:
    """The cells of a row under their names; the columns that it does not have yet are left out.

    Raises ValueError or csv.Error for a line that is no row, or has columns that are gone.
    """
    (cells,) = csv.reader([line.decode()], ArchiveDialect)
    names = settings.row_columns
    if not len(names) - len(settings.columns) <= len(cells) <= len(names):
        raise ValueError(f"{len(cells)} cells are not a row's")
    row = dict(zip(names, cells, strict=False))
    if not all((row[name] or "{").startswith("{") for name in (IMAGE_COLUMN, REST_COLUMN)):
        raise ValueError("what stands for JSON is none")
    return row
