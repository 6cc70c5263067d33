"""What the functions counted in the period, and the drops by rule among it: CloudWatch's sums.

A day of these counts is the day of processing. Source: BC-cloudwatch, GetMetricData.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.errors import ObjectError
from ttl_archive.transform.metrics import NAMESPACE

RULES = {
    "DroppedNotRemoval": "not a removal",
    "DroppedUserRemoval": "removed by a user",
    "DroppedTtlRemoval": "removed by TTL",
}
METRICS = ("RecordsReceived", "BytesReceived", *RULES)
_HOUR_S = 3600
KEPT_DAYS = 455  # hours; older sums are gone. Source: CloudWatch User Guide, concepts, metrics retention
_DAYS_AT_ONCE = 60  # of 5 metrics: 7,200 points of the 100,800 that a request may ask for


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
    first = datetime.fromisoformat(dates.first or "").replace(tzinfo=UTC)
    end = datetime.fromisoformat(dates.last or "").replace(tzinfo=UTC) + timedelta(days=1)
    if now - first > timedelta(days=KEPT_DAYS):
        raise ObjectError(f"CloudWatch keeps sums for {KEPT_DAYS} days, and the period begins before")
    sums: Counter[str] = Counter()
    while first < end:
        until = min(end, first + timedelta(days=_DAYS_AT_ONCE))
        for result in _results(cloudwatch, table, first, until):
            if result["Values"]:
                sums[METRICS[int(result["Id"][1:])]] += round(sum(result["Values"]))
        first = until
    if not sums:
        raise ObjectError(f"CloudWatch has no datapoint of {NAMESPACE} for the table {table} in this period")
    return FunctionCounts(sums, "CloudWatch")


def _results(cloudwatch: Any, table: str, first: datetime, until: datetime) -> list[dict[str, Any]]:
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": name,
                    "Dimensions": [{"Name": "Table", "Value": table}],
                },
                "Period": _HOUR_S,
                "Stat": "Sum",
            },
        }
        for number, name in enumerate(METRICS)
    ]
    request = {"MetricDataQueries": queries, "StartTime": first, "EndTime": until}
    try:
        pages = list(cloudwatch.get_paginator("get_metric_data").paginate(**request))
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, "CloudWatch", "cloudwatch:GetMetricData") from error
    found: list[dict[str, Any]] = [result for page in pages for result in page["MetricDataResults"]]
    for result in found:
        if result.get("StatusCode") in ("InternalError", "Forbidden"):
            raise ObjectError(
                f"CloudWatch answers {result['StatusCode']} for {METRICS[int(result['Id'][1:])]}"
            )
    return found
