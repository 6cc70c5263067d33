"""What failed, counted: by day, error output type, error code and state."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ttl_archive.replay.error_objects.error_lines import FailedRecord, read
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader
from ttl_archive.replay.error_objects.survey import Found, State
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.workers import Threads, in_parallel

NOT_READ = "not read"


@dataclass(slots=True)
class Failures:
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

    def add(self, size: int, times: tuple[datetime, datetime], records: int) -> None:
        """Count the records of one object."""
        self.records += records
        self.objects += 1
        self.bytes += size
        self.oldest = min(self.oldest or times[0], times[0])
        self.newest = max(self.newest or times[1], times[1])


@dataclass(frozen=True, slots=True)
class Seen:
    """What one object holds of one code."""

    code: str
    records: int
    bytes: int
    times: tuple[datetime, datetime]


def look_into(s3: Any, error_object: ErrorObject) -> list[Seen]:
    """The codes of an object with their records, bytes and the time they came to Firehose."""
    counts: dict[str, list[int]] = {}
    for record in read(Reader(s3, error_object).chunks()):
        if isinstance(record, FailedRecord):
            code, size = record.code, len(record.line)
            when = record.arrived_ms or int(error_object.time.timestamp() * 1000)
        else:
            code, size = record.code, len(record.piece)
            when = int(error_object.time.timestamp() * 1000)
        count = counts.setdefault(code, [0, 0, when, when])
        count[0] += 1
        count[1] += size
        count[2], count[3] = min(count[2], when), max(count[3], when)
    return [
        Seen(code, records, size, (_time(first), _time(last)))
        for code, (records, size, first, last) in counts.items()
    ]


def by_name(_: Any, error_object: ErrorObject) -> list[Seen]:
    """An object by its name, size and time alone; no record is counted."""
    return [Seen(NOT_READ, 0, error_object.size, (error_object.time, error_object.time))]


def failures(
    s3: Any,
    found: Iterable[Found],
    codes: tuple[str, ...],
    *,
    look: Callable[[Any, ErrorObject], list[Seen]] = look_into,
    on_problem: Callable[[ReplayError], None],
    concurrency: int = 8,
) -> list[Failures]:
    """What was found, counted. An object that cannot be read is reported and not counted."""
    groups: dict[tuple[str, str, str, str], Failures] = {}
    for each, seen in _looked(s3, found, look, on_problem, concurrency):
        for part in seen:
            if codes and part.code not in codes:
                continue
            day = each.object.time.date().isoformat()
            key = (day, each.object.type, part.code, each.state)
            group = groups.setdefault(key, Failures(*key))
            group.add(part.bytes, part.times, part.records)
    return [groups[key] for key in sorted(groups)]


def _looked(
    s3: Any,
    found: Iterable[Found],
    look: Callable[[Any, ErrorObject], list[Seen]],
    on_problem: Callable[[ReplayError], None],
    concurrency: int,
) -> Iterator[tuple[Found, list[Seen]]]:
    """Read a few objects at a time."""

    def read_one(each: Found) -> tuple[Found, list[Seen] | ReplayError]:
        try:
            return each, look(s3, each.object)
        except ReplayError as error:
            return each, error

    for each, seen in in_parallel(Threads(concurrency), read_one, found, at_once=concurrency):
        if isinstance(seen, ReplayError):
            on_problem(seen)
        else:
            yield each, seen


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
