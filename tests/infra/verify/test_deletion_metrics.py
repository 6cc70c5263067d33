"""CloudWatch's counts: pages, days, and answers that are not whole."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.fakes import client_error
from ttl_archive.infra.verify.deletion_metrics import KEPT_DAYS, function_counts, ttl_deletions
from ttl_archive.replay.errors import AccessDeniedError, ObjectError

FIRST, END = date(2026, 3, 1), date(2026, 3, 3)


class ScriptedCloudWatch:
    """GetMetricData: these pages for every request, or an error code."""

    def __init__(self, *pages: list[dict[str, Any]], error: str = "") -> None:
        self.pages, self.error, self.requests = pages, error, []

    def get_paginator(self, operation: str) -> "ScriptedCloudWatch":
        assert operation == "get_metric_data"
        return self

    def paginate(self, **request: Any) -> Any:
        self.requests.append(request)
        if self.error:
            raise client_error(self.error, "GetMetricData")
        return [{"MetricDataResults": page} for page in self.pages]


def result(*points: tuple[datetime, float], status: str = "Complete", name: str = "m0") -> dict[str, Any]:
    times, values = [time for time, _ in points], [value for _, value in points]
    return {"Id": name, "Label": "deletions", "StatusCode": status, "Timestamps": times, "Values": values}


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def test_hours_of_every_page_are_added_up_and_a_day_without_points_is_absent() -> None:
    first = [result((at(2, 23), 4.0), (at(2, 0), 3.0), status="PartialData")]
    cloudwatch = ScriptedCloudWatch(first, [result((at(2, 5), 2.0))])

    assert ttl_deletions(cloudwatch, "Devices", FIRST, END) == {date(2026, 3, 2): 9}

    (request,) = cloudwatch.requests
    assert (request["StartTime"], request["EndTime"]) == (at(1, 0), at(3, 0))
    (query,) = request["MetricDataQueries"]
    assert query["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "TableName", "Value": "Devices"}]
    assert (query["MetricStat"]["Period"], query["MetricStat"]["Stat"]) == (3600, "Sum")


@pytest.mark.parametrize("status", ["InternalError", "Forbidden", "PartialData"])
def test_an_answer_that_is_not_whole_is_no_count(status: str) -> None:
    with pytest.raises(ObjectError, match=f"CloudWatch answers {status} for deletions"):
        ttl_deletions(ScriptedCloudWatch([result(status=status)]), "Devices", FIRST, END)


def test_a_denied_call_names_the_permission() -> None:
    with pytest.raises(AccessDeniedError, match="cloudwatch:GetMetricData"):
        ttl_deletions(ScriptedCloudWatch(error="AccessDenied"), "Devices", FIRST, END)


def test_a_request_stays_below_the_limit_of_points() -> None:
    cloudwatch = ScriptedCloudWatch([])

    function_counts(cloudwatch, "Devices", date(2025, 1, 1), date(2026, 1, 1))

    assert len(cloudwatch.requests) == 7
    points = [
        len(request["MetricDataQueries"]) * (request["EndTime"] - request["StartTime"]).days * 24
        for request in cloudwatch.requests
    ]
    assert max(points) <= 100_800  # BC-cloudwatch, GetMetricData


def test_cloudwatch_keeps_hours_for_455_days() -> None:
    assert KEPT_DAYS == 455
