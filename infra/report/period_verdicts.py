"""Whether anything is missing: the verdict of `ttl-archive verify` on each day of the period.

The verdict itself is that of infra/verify/, which reads every object of these days. So it is asked for by an
option, and a report without it says that nothing was checked.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import Storage
from ttl_archive.infra.verify.archive_scan import VerifiedDays
from ttl_archive.infra.verify.day_balance import DayBalance, DayVerdict
from ttl_archive.infra.verify.verify_command import EDGE_S
from ttl_archive.infra.verify.verify_report import verification_answer
from ttl_archive.infra.verify.verify_run import Meter, VerifyRequest, read_counts, verify_days
from ttl_archive.replay.errors import ObjectError

NOT_ASKED = (
    "whether each item that TTL deleted has its row. The check reads every object of the period, "
    "so it is made only with --verify"
)


@dataclass(frozen=True, slots=True)
class VerdictOfDay:
    """A day, or all days together: DynamoDB's count of TTL deletions, and the unique rows that were read.

    `deleted` is missing without a count, and `difference` for what is not countable. A negative difference
    means that there are more rows than deletions.
    """

    day: str
    verdict: DayVerdict
    deleted: int | None
    rows: int
    difference: int | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeriodVerdicts:
    """Every day of the period until now, and all of them together.

    `is_versioned`: deleted and overwritten objects were looked for. `unread` are error objects that could not
    be read.
    """

    closes: bool
    answer: str
    days: tuple[VerdictOfDay, ...]
    whole: VerdictOfDay
    edge_s: int
    is_versioned: bool
    unread: tuple[str, ...]

    @property
    def verdict_counts(self) -> dict[str, int]:
        """The number of days with each verdict that occurs."""
        counted = Counter(day.verdict for day in self.days)
        return {str(verdict): counted[verdict] for verdict in DayVerdict if counted[verdict]}


def verify_period(
    storage: Storage,
    clouds: Sequence[Any],
    dates: DateRange,
    now: datetime,
    *,
    on_failure: str | None,
    meter: Meter,
) -> PeriodVerdicts:
    """Verify these dates, both inclusive, until the current day.

    `clouds` are clients of CloudWatch, that of the archive's Region first, then those of replicas. Raises
    AccessDeniedError, ObjectGoneError, and ObjectError, also for a period that has not begun.
    """
    days = _days_until(dates, now.date())
    if days.first >= days.end:
        raise ObjectError("the period has not begun")
    deletions, processed = read_counts(clouds, storage.settings, days)
    request = VerifyRequest(
        s3=storage.s3,
        bucket=storage.bucket,
        settings=storage.settings,
        days=days,
        deletions=deletions,
        processed=processed,
        edge_s=EDGE_S,
        now=now,
        on_failure=on_failure,
    )
    found = verify_days(request, meter)
    return PeriodVerdicts(
        closes=found.closes,
        answer=verification_answer(found),
        days=tuple(map(_verdict, found.days)),
        whole=_verdict(found.whole),
        edge_s=EDGE_S,
        is_versioned=found.is_versioned,
        unread=tuple(found.failed.problems),
    )


def verify_arguments(dates: DateRange) -> str:
    """Return the options that name these dates, both inclusive, to `ttl-archive verify`."""
    after = date.fromisoformat(dates.last or "") + timedelta(days=1)
    return f"--since {dates.first} --until {after}"


def _days_until(dates: DateRange, today: date) -> VerifiedDays:
    first, last = date.fromisoformat(dates.first or ""), date.fromisoformat(dates.last or "")
    return VerifiedDays(first, min(last, today) + timedelta(days=1))


def _verdict(each: DayBalance) -> VerdictOfDay:
    numbers = each.numbers
    return VerdictOfDay(
        day=numbers.label,
        verdict=each.verdict,
        deleted=numbers.deleted[0] if numbers.deleted else None,
        rows=numbers.rows.unique,
        difference=None if each.verdict is DayVerdict.NOT_COUNTABLE else each.difference,
        reasons=each.reasons,
    )
