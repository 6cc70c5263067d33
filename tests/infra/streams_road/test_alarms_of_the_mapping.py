"""The two alarms that show a mapping which does not work, on the metrics that it would have."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.infra.metric_math import Minutes, raised_at
from tests.infra.templates import Template
from tests.infra.test_alarms import alarms

POLLED, INVOKED = "PolledEventCount", "Invocations"
EXPIRED, WRITTEN = "TimeToLiveDeletedItemCount", "ConsumedWriteCapacityUnits"
DAY = 24 * 60
UNREAD, NOT_FORWARDED = "TableStreamUnread", "ExpiriesNotForwarded"


@pytest.fixture
def of_mapping(templates: dict[str, Template]) -> dict[str, dict[str, Any]]:
    return alarms(templates["streams"])


def at(minutes: Iterable[int], value: float = 1) -> Minutes:
    return dict.fromkeys(minutes, value)


def empty_polls(working: Iterable[int] = range(DAY)) -> Minutes:
    return at(working, 0)


def healthy(expired: Minutes, delay: int, *, zeros: bool = True) -> dict[str, Minutes]:
    """Return the metrics of a mapping that forwards each expiry after some minutes."""
    forwarded = {minute + delay: count for minute, count in expired.items()}
    polled = {**(empty_polls() if zeros else {}), **forwarded}
    return {EXPIRED: expired, POLLED: polled, INVOKED: at(forwarded)}


def raised(of_mapping: dict[str, dict[str, Any]], data: dict[str, Minutes]) -> dict[str, list[int]]:
    return {name: raised_at(of_mapping[name], data, DAY) for name in (UNREAD, NOT_FORWARDED)}


@pytest.mark.parametrize("delay", [0, 1, 5])
@pytest.mark.parametrize("every", [1, 7, 30, 59, 60, 61, 90, 600])
def test_a_healthy_mapping_raises_neither(
    of_mapping: dict[str, dict[str, Any]], every: int, delay: int
) -> None:
    data = healthy(at(range(3, DAY - delay, every)), delay)

    assert raised(of_mapping, data) == {UNREAD: [], NOT_FORWARDED: []}


def test_a_quiet_table_raises_neither(of_mapping: dict[str, dict[str, Any]]) -> None:
    assert raised(of_mapping, {POLLED: empty_polls()}) == {UNREAD: [], NOT_FORWARDED: []}


def test_a_disabled_mapping_is_shown_an_hour_after_it_stopped(of_mapping: dict[str, dict[str, Any]]) -> None:
    data = {EXPIRED: at(range(DAY)), POLLED: at(range(300)), INVOKED: at(range(300))}

    found = raised(of_mapping, data)

    assert found[UNREAD] == list(range(299 + 60, DAY))
    assert found[NOT_FORWARDED] == list(range(299 + 120, DAY))


def test_one_expiry_of_a_day_is_enough_to_show_a_disabled_mapping(
    of_mapping: dict[str, dict[str, Any]],
) -> None:
    found = raised(of_mapping, {EXPIRED: at([700]), POLLED: empty_polls(range(300))})

    assert found[UNREAD] == list(range(700, 760))


def test_a_write_shows_a_disabled_mapping_before_anything_expires(
    of_mapping: dict[str, dict[str, Any]],
) -> None:
    assert raised(of_mapping, {WRITTEN: at([700]), POLLED: empty_polls(range(300))})[UNREAD]


@pytest.mark.parametrize("polled", [{}, empty_polls()], ids=["emits nothing", "emits 0"])
def test_a_mapping_that_may_not_read_the_stream_is_shown_whatever_it_emits(
    of_mapping: dict[str, dict[str, Any]], polled: Minutes
) -> None:
    found = raised(of_mapping, {EXPIRED: at(range(0, DAY, 40)), POLLED: polled})

    assert found[NOT_FORWARDED] == list(range(60, DAY))
    assert bool(found[UNREAD]) == (polled == {})


def test_a_filter_that_matches_no_expiry_is_shown(of_mapping: dict[str, dict[str, Any]]) -> None:
    """As in the Region of a replica, where a removal has no TTL identity."""
    found = raised(of_mapping, {EXPIRED: at(range(DAY)), POLLED: at(range(DAY))})

    assert found[NOT_FORWARDED]


def test_without_empty_polls_a_change_after_a_quiet_hour_is_an_alarm_for_some_minutes(
    of_mapping: dict[str, dict[str, Any]],
) -> None:
    """The documentation says that they are counted as 0; this is what happens if they are not."""
    found = raised(of_mapping, healthy(at([100, 700]), 2, zeros=False))

    assert found == {UNREAD: [100, 101, 700, 701], NOT_FORWARDED: []}


def test_the_mapping_and_the_table_are_the_archives_own(of_mapping: dict[str, dict[str, Any]]) -> None:
    dimensions = {
        query["MetricStat"]["Metric"]["MetricName"]: query["MetricStat"]["Metric"]["Dimensions"]
        for name in (UNREAD, NOT_FORWARDED)
        for query in of_mapping[name]["Metrics"]
        if "MetricStat" in query
    }

    assert {name: [each["Name"] for each in found] for name, found in dimensions.items()} == {
        POLLED: ["EventSourceMappingUUID"],
        INVOKED: ["FunctionName"],
        EXPIRED: ["TableName"],
        WRITTEN: ["TableName"],
    }
    assert dimensions[EXPIRED][0]["Value"] == "streams"


def test_a_selection_without_expiries_is_watched_by_its_reads_alone(
    changed: dict[str, tuple[Template, Template]],
) -> None:
    for template in changed["record_age_s"]:
        found = alarms(template)

        assert UNREAD in found
        assert NOT_FORWARDED not in found
