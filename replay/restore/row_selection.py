"""Which date folders of the archive are needed, and which of their rows are wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.restore.archived_rows import ArchivedRow, RowColumns
from ttl_archive.replay.restore.comparisons import value_of
from ttl_archive.replay.restore.row_filter import columns_of, compile_filter
from ttl_archive.transform.settings import Settings

RowMatcher = Callable[[ArchivedRow, RowColumns], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted. Times are of the change, UTC; `until` is exclusive.

    `keys` are values by attribute name; `where` is a filter on columns. Rows that arrived up to `late_days`
    after their change are looked for in the folders of their arrival.
    """

    since: datetime | None = None
    until: datetime | None = None
    keys: tuple[tuple[str, str], ...] = ()
    where: str = ""
    late_days: int = 1

    @property
    def names_columns(self) -> bool:
        """Whether the selection is by columns or attributes, not only by time."""
        return bool(self.keys or self.where)

    def is_folder_wanted(self, folder: date, *, by_event: bool) -> bool:
        """Return whether a date folder may hold wanted rows.

        By arrival, a folder's date is that of the oldest record of each object, so a row may also be in the
        folder of the day before. Source: Amazon Data Firehose Developer Guide, s3-prefixes.
        """
        before, after = (0, 0) if by_event else (1, max(1, self.late_days))
        # Dates are subtracted, not moved: a moved date may lie outside the years that Python knows.
        if self.since and (self.since.date() - folder).days > before:
            return False
        return not (self.until and (folder - self.until.date()).days > after)

    def _first_names(self) -> set[str]:
        """Return the columns that the selection names, or whose members it names."""
        names = [name for name, _ in self.keys] + sorted(columns_of(self.where))
        return {*names, *(name.partition(".")[0] for name in names)}

    def matcher(self, settings: Settings) -> RowMatcher:
        """Return the test of a row and the columns of its folder.

        Raises MisuseError for a filter with a mistake. The test raises BadRowError `BadNumber`.
        """
        since = _microseconds(self.since) if self.since else None
        until = _microseconds(self.until) if self.until else None
        test = compile_filter(self.where) if self.where else None
        needs_folder = settings.output.date_column in self._first_names()
        names = {column.path: column.name for column in settings.columns}

        def is_wanted(row: ArchivedRow, folder: RowColumns) -> bool:
            if (since is not None and row.event_us < since) or (until is not None and row.event_us >= until):
                return False
            if not self.names_columns:
                return True
            columns = row.columns | folder if needs_folder else row.columns
            image = row.decoded_image() if self.keys else None
            if not all(_has_key(image, columns, names, name, value) for name, value in self.keys):
                return False
            return test is None or test(columns)

        return is_wanted


def _has_key(
    image: Item | None, columns: RowColumns, names: dict[tuple[str, ...], str], name: str, value: str
) -> bool:
    if image is not None:
        return _text_of(image, name) == value
    found = value_of(columns, names.get((name,), name))
    if found is None:  # rows from before the attribute had a column have it under its own name
        found = value_of(columns, name)
    return found is not None and str(found) == value


def _text_of(image: Item, name: str) -> str | None:
    return str(next(iter(image[name].values()))) if name in image else None


def _microseconds(time: datetime) -> int:
    return int((time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
