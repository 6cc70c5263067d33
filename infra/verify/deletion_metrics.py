"""CloudWatch's counts for each day: what TTL deleted, and what the functions made of their records.

DynamoDB counts its own TTL deletions (AWS/DynamoDB, TimeToLiveDeletedItemCount, dimension TableName), so this
count does not depend on the archive. Hours are read and added up, because CloudWatch keeps them for 455 days.
Source: DynamoDB Developer Guide, metrics-dimensions; CloudWatch User Guide, concepts; BC-cloudwatch,
GetMetricData.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.errors import ObjectError
from ttl_archive.transform.metrics import NAMESPACE

# Source: CloudWatch User Guide, concepts, metrics retention.
KEPT_DAYS = 455
PERIOD_S = 3600
_ACTION = "cloudwatch:GetMetricData"
# A request may ask for 100,800 points: 60 days of eleven metrics have 15,840. Source: BC-cloudwatch.
_DAYS_AT_ONCE = 60

FUNCTION_METRICS = (
    "RecordsReceived",
    "RecordsDelivered",
    "RecordsDropped",
    "RecordsFailed",
    "RecordsReingested",
    "RecordsReturned",
    "DroppedNotRemoval",
    "DroppedUserRemoval",
    "DroppedTtlRemoval",
    "BytesReceived",
    "BytesBilled",
)
DayCounts = dict[date, int]


def ttl_deletions(cloudwatch: Any, table: str, first: date, end: date) -> DayCounts:
    """Return the TTL deletions of each day from `first` to before `end`; a day without a datapoint is absent.

    Raises AccessDeniedError or ObjectError.
    """
    metric = _metric("AWS/DynamoDB", "TimeToLiveDeletedItemCount", "TableName", table)
    return _daily_sums(cloudwatch, {"deleted": metric}, first, end)["deleted"]


def consumed_write_units(cloudwatch: Any, table: str, first: date, end: date) -> DayCounts:
    """Return the write units that the table consumed on each day. Raises as ttl_deletions."""
    metric = _metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", table)
    return _daily_sums(cloudwatch, {"units": metric}, first, end)["units"]


def function_counts(cloudwatch: Any, table: str, first: date, end: date) -> dict[date, dict[str, int]]:
    """Return what the transform and the forwarder counted on each day, by metric.

    A day is the day of processing here, not that of the change. Raises as ttl_deletions.
    """
    metrics = {name: _metric(NAMESPACE, name, "Table", table) for name in FUNCTION_METRICS}
    found: dict[date, dict[str, int]] = {}
    for name, days in _daily_sums(cloudwatch, metrics, first, end).items():
        for day, count in days.items():
            found.setdefault(day, {})[name] = count
    return found


def _metric(namespace: str, name: str, dimension: str, value: str) -> dict[str, Any]:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": dimension, "Value": value}],
    }


def _daily_sums(
    cloudwatch: Any, metrics: Mapping[str, dict[str, Any]], first: date, end: date
) -> dict[str, DayCounts]:
    sums: dict[str, DayCounts] = {name: {} for name in metrics}
    names = list(metrics)
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": metrics[name], "Period": PERIOD_S, "Stat": "Sum"}}
        for number, name in enumerate(names)
    ]
    for result in _results(cloudwatch, queries, first, end):
        days = sums[names[int(result["Id"][1:])]]
        for time, value in zip(result["Timestamps"], result["Values"], strict=True):
            day = time.astimezone(UTC).date()
            days[day] = days.get(day, 0) + round(value)
    return sums


def _results(
    cloudwatch: Any, queries: Sequence[dict[str, Any]], first: date, end: date
) -> Iterator[dict[str, Any]]:
    """Yield the results of every page. Raises ObjectError for one that CloudWatch calls incomplete."""
    pages = cloudwatch.get_paginator("get_metric_data")
    while first < end:
        until = min(end, first + timedelta(days=_DAYS_AT_ONCE))
        request = {"MetricDataQueries": queries, "StartTime": _midnight(first), "EndTime": _midnight(until)}
        last: dict[str, dict[str, Any]] = {}
        try:
            for page in pages.paginate(**request):
                last |= {result["Id"]: result for result in page["MetricDataResults"]}
                yield from page["MetricDataResults"]
        except (ClientError, BotoCoreError) as error:
            raise translate_error(error, "CloudWatch", _ACTION) from error
        _check_complete(last.values())
        first = until


def _check_complete(last: Iterable[dict[str, Any]]) -> None:
    """Check the last result of each metric; PartialData may precede it. Raises ObjectError."""
    for result in last:
        if (status := result.get("StatusCode", "Complete")) != "Complete":
            raise ObjectError(f"CloudWatch answers {status} for {result.get('Label')}. Run again later")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
