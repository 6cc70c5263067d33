"""Read metrics of CloudWatch for the drain guard, with one call for a list of names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# A period that is not complete proves nothing, so it is short.
PERIOD_S = 60


@dataclass(frozen=True, slots=True)
class MetricName:
    """One metric with its statistic, as CloudWatch names it."""

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]

    def as_entry(self, number: int) -> dict[str, Any]:
        """Return the metric as one entry of MetricDataQueries."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions.items()]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {
            "Id": f"m{number}",
            "MetricStat": {"Metric": metric, "Period": PERIOD_S, "Stat": self.statistic},
        }


@dataclass(frozen=True, slots=True)
class Series:
    """The sum, the maximum and the newest of a metric's datapoints; each is None without a datapoint."""

    total: float | None = None
    maximum: float | None = None
    last: float | None = None


def read_series(cloudwatch: Any, names: Sequence[MetricName], start: datetime, end: datetime) -> list[Series]:
    """Read every metric. One page holds 100,800 datapoints, which is 23 days of three metrics.

    Source: CloudWatch API Reference, GetMetricData. Raises ClientError.
    """
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[name.as_entry(number) for number, name in enumerate(names)],
        StartTime=start,
        EndTime=end,
        ScanBy="TimestampDescending",
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    return [_series(values.get(f"m{number}", [])) for number in range(len(names))]


def _series(values: list[float]) -> Series:
    return Series(sum(values), max(values), values[0]) if values else Series()
