"""Which objects of the archive are needed, and which of their rows are wanted."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.restore.where import Row, compile_where, value_of
from ttl_archive.transform.settings import Settings

_COLD = frozenset({"GLACIER", "DEEP_ARCHIVE"})


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

    def folder_wanted(self, folder: date, *, by_event: bool) -> bool:
        """Whether a date folder may hold wanted rows.

        By arrival, a folder's date is that of the oldest record of each object, so a row may also lie in the
        folder of the day before. Source: Amazon Data Firehose Developer Guide, s3-prefixes.
        """
        before, after = (0, 0) if by_event else (1, max(1, self.late_days))
        # The distance between two dates always is a number; a date moved by days may be none.
        if self.since and (self.since.date() - folder).days > before:
            return False
        return not (self.until and (folder - self.until.date()).days > after)

    def matcher(self, settings: Settings) -> Callable[[Row, dict[str, Any] | None], bool]:
        """Whether a row, and the image it has or not, is wanted. Raises MisuseError for a bad filter."""
        since = _us(self.since) if self.since else None
        until = _us(self.until) if self.until else None
        test = compile_where(self.where) if self.where else None
        columns = {column.path: column.name for column in settings.columns}

        def wanted(row: Row, image: dict[str, Any] | None) -> bool:
            at = int(row["ddb_event_us"])
            if (since is not None and at < since) or (until is not None and at >= until):
                return False
            if not all(_key_is(row, image, columns, name, value) for name, value in self.keys):
                return False
            return test is None or test(row)

        return wanted


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """One object of the archive."""

    bucket: str
    key: str
    etag: str
    size: int
    storage_class: str

    @property
    def url(self) -> str:
        """The object as the AWS command line writes it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_cold(self) -> bool:
        """Whether it has to be retrieved before it can be read. GLACIER_IR reads at once."""
        return self.storage_class in _COLD

    @property
    def is_parquet(self) -> bool:
        """Whether it is in a format that this command does not read."""
        return self.key.endswith((".parquet", ".orc"))


def find_objects(
    s3: Any, bucket: str, prefix: str, settings: Settings, selection: Selection
) -> Iterator[ArchivedObject]:
    """The objects under the prefix that may hold wanted rows. Raises as a listing does."""
    output = settings.output
    folder = re.compile(rf"(?:^|/){re.escape(output.date_column)}=(\d{{4}}-\d\d-\d\d)/")
    by_event = output.partition_by == "event"
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                found = folder.search(entry["Key"])
                if found and not _in_range(selection, found[1], by_event):
                    continue
                if entry["Size"]:
                    etag, storage = entry["ETag"].strip('"'), entry.get("StorageClass", "STANDARD")
                    yield ArchivedObject(bucket, entry["Key"], etag, entry["Size"], storage)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{prefix}", "s3:ListBucket") from error


def _in_range(selection: Selection, text: str, by_event: bool) -> bool:
    try:
        return selection.folder_wanted(date.fromisoformat(text), by_event=by_event)
    except ValueError:
        return True  # no date: look into it


def _key_is(
    row: Row, image: dict[str, Any] | None, columns: dict[tuple[str, ...], str], name: str, value: str
) -> bool:
    if image is not None:
        return name in image and str(next(iter(image[name].values()))) == value
    found = value_of(row, columns.get((name,), name))
    if found is None:  # as the attribute is called in rows from before it had a column
        found = value_of(row, name)
    return found is not None and str(found) == value


def _us(time: datetime) -> int:
    return int((time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
