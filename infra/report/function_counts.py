"""What the functions counted in the period, and the drops by rule among it: CloudWatch's sums.

A day of these counts is the day of processing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.verify.deletion_metrics import KEPT_DAYS, function_counts
from ttl_archive.replay.errors import ObjectError
from ttl_archive.transform.metrics import NAMESPACE

RULES = {
    "DroppedNotRemoval": "not a removal",
    "DroppedUserRemoval": "removed by a user",
    "DroppedTtlRemoval": "removed by TTL",
}
METRICS = ("RecordsReceived", "BytesReceived", "BytesBilled", *RULES)


@dataclass(frozen=True, slots=True)
class FunctionCounts:
    """The sums of the period by metric, without those that have no datapoint; `source` says who counted."""

    sums: Mapping[str, int]
    source: str

    @property
    def drops(self) -> dict[str, int | None]:
        """The drops by rule, in words; None without a datapoint."""
        return {text: self.sums.get(name) for name, text in RULES.items()}


def sum_metrics(cloudwatch: Any, table: str, dates: DateRange, now: datetime) -> FunctionCounts:
    """Return the sums of these dates, both inclusive; both ends must be given.

    Raises ObjectError when CloudWatch has no datapoint, or may have lost some, because neither is a zero;
    else AccessDeniedError or ObjectError as the call does.
    """
    first, last = date.fromisoformat(dates.first or ""), date.fromisoformat(dates.last or "")
    if now.date() - first > timedelta(days=KEPT_DAYS):
        raise ObjectError(f"CloudWatch keeps sums for {KEPT_DAYS} days, and the period begins before")
    sums: Counter[str] = Counter()
    for counts in function_counts(cloudwatch, table, first, last + timedelta(days=1)).values():
        sums.update({name: count for name, count in counts.items() if name in METRICS})
    if not sums:
        raise ObjectError(f"CloudWatch has no datapoint of {NAMESPACE} for the table {table} in this period")
    return FunctionCounts(sums, "CloudWatch")
