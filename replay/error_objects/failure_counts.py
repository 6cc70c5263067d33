"""What failed, counted: by day, error output type, error code and state."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ttl_archive.replay.claim_document import State
from ttl_archive.replay.error_objects.error_lines import FailedRecord, read_lines
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.workers import Threads, Workers, in_parallel

NOT_READ = "not read"
_AT_ONCE = 8


@dataclass(slots=True)
class FailureCount:
    """The records of one day, type, code and state. `objects` counts each object that holds one."""

    day: str
    type: str
    code: str
    state: State
    records: int = 0
    objects: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def add(self, part: "CodeCount") -> None:
        """Count the records of one object."""
        self.records += part.records
        self.objects += 1
        self.bytes += part.bytes
        self.oldest = min(self.oldest or part.oldest, part.oldest)
        self.newest = max(self.newest or part.newest, part.newest)


@dataclass(frozen=True, slots=True)
class CodeCount:
    """The records of one object that have one code."""

    code: str
    records: int
    bytes: int
    oldest: datetime
    newest: datetime


CountCodes = Callable[[Any, ErrorObject], list[CodeCount]]


def count_codes(s3: Any, error_object: ErrorObject) -> list[CodeCount]:
    """Read an object; return its codes with their records, bytes and times of arrival at Firehose."""
    counts: dict[str, list[int]] = {}
    own_time = int(error_object.time.timestamp() * 1000)
    for record in read_lines(Reader(s3, error_object).chunks()):
        when = record.arrived_ms if isinstance(record, FailedRecord) else None
        when = when or own_time
        count = counts.setdefault(record.code, [0, 0, when, when])
        count[0] += 1
        count[1] += len(record.content)
        count[2], count[3] = min(count[2], when), max(count[3], when)
    return [
        CodeCount(code, records, size, _time(first), _time(last))
        for code, (records, size, first, last) in counts.items()
    ]


def count_by_name(_: Any, error_object: ErrorObject) -> list[CodeCount]:
    """Return the count of an object by its name, size and time alone; no record is counted."""
    return [CodeCount(NOT_READ, 0, error_object.size, error_object.time, error_object.time)]


def count_failures(
    s3: Any,
    found: Iterable[Found],
    codes: tuple[str, ...],
    *,
    count: CountCodes = count_codes,
    on_problem: Callable[[ReplayError], None],
    workers: Callable[[int], Workers] = Threads,
) -> list[FailureCount]:
    """Count what was found. An object that cannot be read is reported and not counted."""
    groups: dict[tuple[str, str, str, State], FailureCount] = {}
    for each, parts in _read(s3, found, count, on_problem, workers):
        for part in parts:
            if codes and part.code not in codes:
                continue
            key = (each.object.time.date().isoformat(), each.object.type, part.code, each.state)
            groups.setdefault(key, FailureCount(*key)).add(part)
    return [groups[key] for key in sorted(groups)]


def _read(
    s3: Any,
    found: Iterable[Found],
    count: CountCodes,
    on_problem: Callable[[ReplayError], None],
    workers: Callable[[int], Workers],
) -> Iterator[tuple[Found, list[CodeCount]]]:
    """Read a few objects at a time."""

    def read_one(each: Found) -> tuple[Found, list[CodeCount] | ReplayError]:
        try:
            return each, count(s3, each.object)
        except ReplayError as error:
            return each, error

    for each, parts in in_parallel(workers(_AT_ONCE), read_one, found, at_once=_AT_ONCE):
        if isinstance(parts, ReplayError):
            on_problem(parts)
        else:
            yield each, parts


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
