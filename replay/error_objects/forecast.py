"""What today's transform would do with the records of error objects: deliver, drop, or refuse, and why."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.replay.causes import Cause, Explain
from ttl_archive.replay.error_objects.error_lines import FailedRecord, read_lines
from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.settled_lines import SettledLines
from ttl_archive.replay.sinks.sink import Sink
from ttl_archive.replay.verdict import Judge, Refused
from ttl_archive.replay.workers import Threads, Workers, in_parallel
from ttl_archive.transform.convert import Drop, Row

_AT_ONCE = 4


@dataclass(slots=True)
class CauseCount:
    """How many records have a cause, in how many objects, and one of them as an example."""

    records: int = 0
    objects: int = 0
    example: tuple[str, int] = ("", 0)  # key, line

    def add(self, other: "CauseCount") -> None:
        """Add the counts of another object."""
        self.records += other.records
        self.objects += other.objects
        self.example = min(self.example, other.example) if self.example[0] else other.example


@dataclass(slots=True)
class Forecast:
    """The verdicts on all records of some objects, counted."""

    deliver: int = 0
    drop: Counter[str] = field(default_factory=Counter)  # by rule
    waived: int = 0
    refuse: dict[Cause, CauseCount] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many records would be refused."""
        return sum(count.records for count in self.refuse.values())

    @property
    def records(self) -> int:
        """How many records were judged, those included that were waived."""
        return self.deliver + self.drop.total() + self.waived + self.refused

    def add(self, other: "Forecast") -> None:
        """Add the forecast of another object."""
        self.deliver += other.deliver
        self.drop += other.drop
        self.waived += other.waived
        for cause, count in other.refuse.items():
            self.refuse.setdefault(cause, CauseCount()).add(count)


def forecast(
    s3: Any,
    found: Iterable[Found],
    judge: Judge,
    explain: Explain,
    *,
    sink: Sink | None = None,
    on_problem: Callable[[ReplayError], None],
    on_read: Callable[[int, int], None] = lambda records, read_bytes: None,  # noqa: ARG005
    workers: Callable[[int], Workers] = Threads,
) -> Forecast:
    """Judge every record of the objects, as a run into the sink would, or else the transform alone.

    An object that cannot be read, or not be replayed into the sink, is reported and not counted.
    """
    total = Forecast()

    def judge_one(each: Found) -> tuple[int, Forecast | ReplayError]:
        try:
            return each.object.size, _of_object(s3, each, judge, explain, sink)
        except ReplayError as error:
            return each.object.size, error

    for size, result in in_parallel(workers(_AT_ONCE), judge_one, found, at_once=_AT_ONCE):
        if isinstance(result, ReplayError):
            on_problem(result)
            continue
        total.add(result)
        on_read(result.records, size)
    return total


def _of_object(s3: Any, found: Found, judge: Judge, explain: Explain, sink: Sink | None) -> Forecast:
    _check_claim(found, sink)
    counted = Forecast()
    settled = SettledLines(found.document)
    for record in read_lines(Reader(s3, found.object).chunks()):
        if settled.is_sent(record):
            counted.deliver += 1
            continue
        if settled.is_waived(record):
            counted.waived += 1
            continue
        verdict = judge(record)
        if sink and isinstance(verdict, Row) and isinstance(record, FailedRecord):
            verdict = sink.refusal(record) or verdict
        if isinstance(verdict, Refused):
            count = counted.refuse.setdefault(explain(record, verdict), CauseCount(objects=1))
            count.example = count.example if count.records else (found.object.key, record.number)
            count.records += 1
        elif isinstance(verdict, Drop):
            counted.drop[verdict.rule] += 1
        else:
            counted.deliver += 1
    return counted


def _check_claim(found: Found, sink: Sink | None) -> None:
    """Raise ReplayError when a run into the sink could not take the object."""
    if sink and found.problem:
        raise ReplayError(found.problem)
    if sink and found.document:
        found.document.check_sink(sink.name)
