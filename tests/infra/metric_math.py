"""Metric math of an alarm, evaluated over minutes of data as CloudWatch does it with a sliding window.

It knows IF, FILL with a number, AND, comparisons and +. A metric has no datapoint for a minute that its
mapping from minute to value lacks.
Source: Amazon CloudWatch User Guide, using-metric-math and alarm-evaluation-window.
"""

import re
from collections.abc import Mapping
from typing import Any

Minutes = Mapping[int, float]


def raised_at(alarm: Mapping[str, Any], data: Mapping[str, Minutes], end: int) -> list[int]:
    """Return the minutes before `end` at which the alarm is raised, for metrics by their CloudWatch name.

    `alarm` are the properties of an alarm whose expression always has a value.
    """
    names = {
        query["Id"]: query["MetricStat"]["Metric"]["MetricName"]
        for query in alarm["Metrics"]
        if "MetricStat" in query
    }
    (expression,) = [query["Expression"] for query in alarm["Metrics"] if "Expression" in query]
    (minutes,) = {query["MetricStat"]["Period"] // 60 for query in alarm["Metrics"] if "MetricStat" in query}
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    series = {id: data.get(name, {}) for id, name in names.items()}  # noqa: A001

    def breaches(last: int) -> bool:
        sums = {id: _sum(each, last - minutes + 1, last) for id, each in series.items()}  # noqa: A001
        return _value(expression, sums) > alarm["Threshold"]

    periods = range(alarm["EvaluationPeriods"])
    return [now for now in range(end) if all(breaches(now - minutes * period) for period in periods)]


def _sum(series: Minutes, first: int, last: int) -> float | None:
    found = [value for minute, value in series.items() if first <= minute <= last]
    return sum(found) if found else None


def _value(expression: str, sums: Mapping[str, float | None]) -> float:
    functions = {
        "IF": lambda condition, yes, no: yes if condition else no,
        "FILL": lambda value, number: number if value is None else value,
    }
    text = re.sub(r"\bAND\b", "and", expression)
    value = eval(text, {"__builtins__": {}}, {**functions, **sums})
    return float(value)
