"""The steps of `ttl-archive verify`: read the counts, the objects and the failures; balance each day."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any

from ttl_archive.infra.verify.archive_scan import (
    ArchiveScan,
    ObjectProblem,
    ScanResult,
    VerifiedDays,
    find_objects,
    midnight,
)
from ttl_archive.infra.verify.day_balance import DayBalance, DayNumbers, balance, range_numbers
from ttl_archive.infra.verify.day_seals import SealComparison, compare_seals
from ttl_archive.infra.verify.deletion_metrics import KEPT_DAYS, DayCounts, function_counts, ttl_deletions
from ttl_archive.infra.verify.failed_removals import FailedCount, count_failed
from ttl_archive.infra.verify.object_history import changed_objects, is_versioned
from ttl_archive.infra.verify.row_index import DayRows, RowIndex
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.commands import show
from ttl_archive.replay.error_objects.survey import Filter, survey
from ttl_archive.replay.restore.archive_listing import ArchivedObject
from ttl_archive.transform import layout
from ttl_archive.transform.selection import drop_rules
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

# A day's last rows are delivered, and its last counts are there, when it has been over for this long:
# Firehose's largest buffers (15 minutes before the function, and 15 after it), and CloudWatch's delay.
SETTLED_AFTER = timedelta(hours=1)
Meter = Callable[[int], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is verified. `deletions` has the counts of each Region, that of the archive first.

    `edge_s` is the tolerance at a day's edges. `now` decides which days are over. With `accepts_added` an
    object that was added to a sealed day is no fault.
    """

    s3: Any
    bucket: str
    settings: Settings
    days: VerifiedDays
    deletions: Sequence[DayCounts]
    processed: Mapping[date, Mapping[str, int]]
    edge_s: int
    now: datetime
    on_failure: str | None = None
    accepts_added: bool = False
    stop: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Verification:
    """The days, the whole range, and what was read. `is_versioned`: deleted objects would be known."""

    days: tuple[DayBalance, ...]
    whole: DayBalance
    processed: Mapping[date, Mapping[str, int]]
    failed: FailedCount
    scan: ScanResult
    changed: tuple[ObjectProblem, ...]
    seals: SealComparison
    is_versioned: bool

    @property
    def closes(self) -> bool:
        """Whether every day closes, and the range as a whole."""
        return all(day.verdict.closes for day in (*self.days, self.whole))


def read_counts(
    clients: Sequence[Any], settings: Settings, days: VerifiedDays
) -> tuple[list[DayCounts], dict[date, dict[str, int]]]:
    """Read CloudWatch, whose client of the archive's Region comes first, then those of replicas.

    Raises AccessDeniedError or ObjectError.
    """
    table = settings.table.name
    deletions = [ttl_deletions(cloudwatch, table, days.first, days.end) for cloudwatch in clients]
    return deletions, function_counts(clients[0], table, days.first, days.end)


def verify_days(request: VerifyRequest, meter: Meter) -> Verification:
    """Verify each day. `meter` returns a context manager whose value gets records and bytes.

    Raises AccessDeniedError, ObjectGoneError, ObjectError or StoppedError.
    """
    s3, bucket, settings, days = request.s3, request.bucket, request.settings, request.days
    objects = find_objects(s3, bucket, settings, days)
    versioned = is_versioned(s3, bucket)
    changed = tuple(changed_objects(s3, bucket, settings, days)) if versioned else ()
    seals = compare_seals(s3, bucket, settings, days, objects, versioned=versioned)
    with RowIndex() as index:
        scan = _scan(request, objects, index, meter)
        failed = count_failed(s3, _error_objects(request), settings, index)
        rows, failures = index.days(request.edge_s * 1_000_000), index.failed_days()
    added = () if request.accepts_added else seals.added
    problems = (*scan.problems, *changed, *seals.problems, *added)
    numbers = [
        _confirmed(_numbers(request, day, rows, failures, failed, problems), seals.confirmation(day))
        for day in days.days()
    ]
    gain = _gain(rows, days.first, days.end)
    whole = range_numbers(numbers, f"{days.first} to {days.end - timedelta(days=1)}", gain)
    balances = tuple(map(balance, numbers))
    whole_balance = balance(whole)
    return Verification(balances, whole_balance, request.processed, failed, scan, changed, seals, versioned)


def _scan(
    request: VerifyRequest, objects: Sequence[ArchivedObject], index: RowIndex, meter: Meter
) -> ScanResult:
    with meter(sum(each.size for each in objects)) as progress:
        scan = ArchiveScan(request.s3, request.settings, request.days, index, request.stop, progress)
        for archived in objects:
            scan.read(archived)
    return scan.result


def _error_objects(request: VerifyRequest) -> Any:
    """Yield the error objects that may have changes of these days: a record fails after its change."""
    days, settings = request.days, request.settings
    until = midnight(days.end) + timedelta(days=days.late_days)
    only = Filter(since=midnight(days.first), until=until)
    identity = transform_identity(settings)
    claims = Claims(request.s3, request.bucket, settings.table.name, new_owner())
    yield from survey(claims, layout.errors_folder(settings), only, identity)
    if request.on_failure:
        yield from survey(claims, layout.ON_FAILURE, only, identity, errors_bucket=request.on_failure)


def _numbers(
    request: VerifyRequest,
    day: date,
    rows: Mapping[date, DayRows],
    failures: Mapping[date, Mapping[str, int]],
    failed: FailedCount,
    problems: Sequence[ObjectProblem],
) -> DayNumbers:
    own = rows.get(day, DayRows())
    deleted, blind = _deleted(request, day)
    return DayNumbers(
        label=str(day),
        deleted=deleted,
        rows=own,
        could_gain=_gain(rows, day, day + timedelta(days=1)),
        could_lose=own.near_start + own.near_end,
        failed=failures.get(day, {}),
        unknown_failures=sum(count for when, count in failed.unknown.items() if when >= day),
        faults=_faults(problems, day),
        blind=[*blind, *_unreadable(problems, day)],
        notes=_notes(request, day),
    )


def _confirmed(numbers: DayNumbers, confirmation: Sequence[str]) -> DayNumbers:
    """Return the numbers with what the seals confirm, where that is all that is known about the objects."""
    return replace(numbers, notes=(*numbers.notes, *confirmation)) if numbers.blind else numbers


def _gain(rows: Mapping[date, DayRows], first: date, end: date) -> int:
    """Return the rows just outside of these days, which DynamoDB may have counted inside."""
    return rows.get(first - timedelta(days=1), DayRows()).near_end + rows.get(end, DayRows()).near_start


def _deleted(request: VerifyRequest, day: date) -> tuple[tuple[int, ...], list[str]]:
    """Return the possible counts of DynamoDB for a day, and why there is none."""
    ends = midnight(day + timedelta(days=1))
    if request.now < ends + SETTLED_AFTER:
        minutes = int(SETTLED_AFTER.total_seconds() // 60)
        return (), [f"the day is not over for {minutes} minutes yet, so counts and rows may still arrive"]
    if drop_rules(request.settings).get("ttl"):
        return (), ['[select] changes = "all-but-ttl-removals" archives no TTL removal to compare with']
    kept_since = request.now - timedelta(days=KEPT_DAYS)
    counted = any(day in counts for counts in request.deletions)
    if midnight(day) < kept_since and (not counted or ends > kept_since):
        return (), [f"CloudWatch keeps its counts for {KEPT_DAYS} days"]
    return _candidates([counts.get(day, 0) for counts in request.deletions]), []


def _candidates(by_region: Sequence[int]) -> tuple[int, ...]:
    """Return what the deletions of a table can be, from the counts of its Regions.

    Whether the metric counts replicated deletions too is UNVERIFIED: then each Region has the whole count,
    else their sum is.
    """
    own = by_region[0]
    return (own,) if len(by_region) == 1 else (own, sum(by_region))


def _faults(problems: Sequence[ObjectProblem], day: date) -> list[str]:
    concerned = (each for each in problems if day in each.days and not each.is_unreadable)
    return [f"{each.url}: {each.reason}" for each in concerned]


def _unreadable(problems: Sequence[ObjectProblem], day: date) -> list[str]:
    """Return one sentence for each reason why objects of a day could not be read."""
    counts: dict[str, int] = {}
    for each in problems:
        if each.is_unreadable and day in each.days:
            counts[each.reason] = counts.get(each.reason, 0) + 1
    return [
        f"{show.plural(count, 'object')} that may have rows of the day: {reason}"
        for reason, count in counts.items()
    ]


def _notes(request: VerifyRequest, day: date) -> list[str]:
    counts = request.processed.get(day, {})
    notes = []
    if counts.get("DroppedTtlRemoval"):
        notes.append(f"{show.plural(counts['DroppedTtlRemoval'], 'TTL removal')} dropped by rule on this day")
    ended = ("RecordsDelivered", "RecordsDropped", "RecordsFailed", "RecordsReingested", "RecordsReturned")
    received, settled = counts.get("RecordsReceived", 0), sum(counts.get(name, 0) for name in ended)
    if received != settled:
        notes.append(f"the functions received {received:,} records, and counted {settled:,} results")
    return notes


def default_days(
    now: datetime, since: datetime | None, until: datetime | None, late_days: int
) -> VerifiedDays:
    """Return whole days: those that the times touch; without `since`, the seven days before the end.

    The current day is the last one at most.
    """
    today = now.astimezone(UTC).date()
    end = min(_day_after(until), today + timedelta(days=1)) if until else today
    first = since.date() if since else end - timedelta(days=7)
    return VerifiedDays(first, end, late_days)


def _day_after(until: datetime) -> date:
    """Return the day before which the range ends: `until` is exclusive."""
    return until.date() + timedelta(days=0 if until == midnight(until.date()) else 1)
