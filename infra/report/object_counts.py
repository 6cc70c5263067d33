"""Objects of the archive by storage class and by size, from a listing of the bucket or folder."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ttl_archive.infra.costs import LEAST_MOVED_BYTES
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import Storage
from ttl_archive.infra.query.stored_files import bucket_files, date_of, folder_files
from ttl_archive.replay.restore.archive_listing import ArchivedObject

# Upper limits of the classes of size. The line of LEAST_MOVED_BYTES, 128 KiB, is one of them.
SIZE_LIMITS = (16 * 1024, LEAST_MOVED_BYTES, 1024**2, 16 * 1024**2, 128 * 1024**2)
IN_FOLDER = "files of a folder"


@dataclass(frozen=True, slots=True)
class ObjectCount:
    """A number of objects, and their size together."""

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class ArchivedObjects:
    """The delivered objects: by storage class, of the period and of all dates; by size, of the period."""

    of_period: dict[str, ObjectCount]
    of_archive: dict[str, ObjectCount]
    sizes: tuple[int, ...]
    below_line: ObjectCount
    stuck: ObjectCount  # of the whole archive: below the line and in STANDARD
    first_date: str
    last_date: str

    @property
    def period_total(self) -> ObjectCount:
        """All objects of the period."""
        return _total(self.of_period)

    @property
    def archive_total(self) -> ObjectCount:
        """All objects."""
        return _total(self.of_archive)


def list_objects(storage: Storage) -> tuple[ArchivedObject, ...]:
    """List the delivered objects. Raises QueryFailedError for a folder without any, and ReplayError."""
    if storage.folder is not None:
        return folder_files(storage.folder, storage.settings).delivered
    return bucket_files(storage.s3, storage.bucket, storage.settings).delivered


def count_objects(listed: Sequence[ArchivedObject], storage: Storage, dates: DateRange) -> ArchivedObjects:
    """Count the objects that were listed."""
    folders = {each: date_of(each.key, storage.settings) for each in listed}
    period = [each for each in listed if (day := folders[each]) is not None and dates.has(day)]
    known = sorted(filter(None, folders.values()))
    small = [each for each in period if each.size < LEAST_MOVED_BYTES]
    stuck = [each for each in listed if each.size < LEAST_MOVED_BYTES and each.storage_class == "STANDARD"]
    return ArchivedObjects(
        of_period=_by_class(period, storage),
        of_archive=_by_class(listed, storage),
        sizes=_by_size(period),
        below_line=_count(small),
        stuck=_count(stuck),
        first_date=known[0] if known else "",
        last_date=known[-1] if known else "",
    )


def _by_class(objects: Iterable[ArchivedObject], storage: Storage) -> dict[str, ObjectCount]:
    groups: dict[str, list[ArchivedObject]] = {}
    for each in objects:
        groups.setdefault(IN_FOLDER if storage.folder else each.storage_class, []).append(each)
    return {name: _count(groups[name]) for name in sorted(groups)}


def _by_size(objects: Iterable[ArchivedObject]) -> tuple[int, ...]:
    counts = [0] * (len(SIZE_LIMITS) + 1)
    for each in objects:
        counts[sum(each.size >= limit for limit in SIZE_LIMITS)] += 1
    return tuple(counts)


def _count(objects: Sequence[ArchivedObject]) -> ObjectCount:
    return ObjectCount(len(objects), sum(each.size for each in objects))


def _total(counts: dict[str, ObjectCount]) -> ObjectCount:
    found = counts.values()
    return ObjectCount(sum(each.objects for each in found), sum(each.bytes for each in found))
