"""A line of the archive's CSV -> its cells by column name, also for a row older than some columns."""

import csv
import sys

from ttl_archive.transform.formats import ArchiveDialect
from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, REST_COLUMN, Settings

csv.field_size_limit(sys.maxsize)  # an item may have 400 KB, and Python reads cells of 128 KB by default


def csv_row(line: bytes, settings: Settings) -> dict[str, str]:
    """Return the cells of a row by column name; columns added after the row was written are missing.

    The settings may name another format by now. Raises ValueError or csv.Error for a line that is not a row,
    or whose columns were removed since.
    """
    (cells,) = csv.reader([line.decode()], ArchiveDialect)
    columns = [column.name for column in settings.columns]
    names = (*METADATA_COLUMNS, IMAGE_COLUMN, REST_COLUMN, *columns)
    if not len(names) - len(columns) <= len(cells) <= len(names):
        raise ValueError(f"{len(cells)} cells do not match the columns of a row")
    row = dict(zip(names, cells, strict=False))
    if not all((row[name] or "{").startswith("{") for name in (IMAGE_COLUMN, REST_COLUMN)):
        raise ValueError("a cell that must hold JSON holds something else")
    return row
