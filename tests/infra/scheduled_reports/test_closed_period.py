"""The period of a report: the closed day, week or month before a run."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from ttl_archive.infra.scheduled_reports.results.closed_period import WORDS, ClosedPeriod, closed_period


@pytest.mark.parametrize(
    ("every", "scheduled", "name"),
    [
        ("day", "2026-12-01T06:00:00Z", "2026-11-30"),
        ("day", "2026-12-01T00:00:00Z", "2026-11-30"),
        ("day", "2026-12-01T23:59:59Z", "2026-11-30"),
        ("day", "2027-01-01T06:00:00Z", "2026-12-31"),
        ("day", "2028-03-01T06:00:00Z", "2028-02-29"),
        ("day", "2027-03-01T06:00:00Z", "2027-02-28"),
        ("week", "2026-11-30T06:00:00Z", "2026-11-23_2026-11-29"),
        ("week", "2026-12-06T23:00:00Z", "2026-11-23_2026-11-29"),
        ("week", "2027-01-04T06:00:00Z", "2026-12-28_2027-01-03"),
        ("month", "2026-12-01T06:00:00Z", "2026-11-01_2026-11-30"),
        ("month", "2026-12-31T23:00:00Z", "2026-11-01_2026-11-30"),
        ("month", "2027-01-01T00:00:00Z", "2026-12-01_2026-12-31"),
        ("month", "2028-03-01T06:00:00Z", "2028-02-01_2028-02-29"),
        ("month", "2027-03-01T06:00:00Z", "2027-02-01_2027-02-28"),
    ],
)
def test_the_period_is_over_when_the_run_is_scheduled(every: str, scheduled: str, name: str) -> None:
    assert closed_period(every, datetime.fromisoformat(scheduled)).name == name


def test_a_time_of_another_zone_is_one_in_utc() -> None:
    early = datetime(2026, 12, 1, 1, tzinfo=timezone(timedelta(hours=2)))  # 2026-11-30T23:00Z

    assert closed_period("month", early).name == "2026-10-01_2026-10-31"
    assert closed_period("month", datetime(2026, 12, 1)).name == "2026-11-01_2026-11-30"


@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_periods_of_successive_runs_join(every: str) -> None:
    """Every day of four years, a leap year among them, is in exactly one period."""
    start = datetime(2026, 1, 1, 6, tzinfo=UTC)
    runs = [start + timedelta(days=number) for number in range(4 * 366)]
    periods = list(dict.fromkeys(closed_period(every, run) for run in runs))

    for earlier, later in pairwise(periods):
        assert later.first == earlier.last + timedelta(days=1)
    assert [list(period.days())[-1] for period in periods] == [period.last for period in periods]


def test_the_words_of_a_parameter() -> None:
    period = ClosedPeriod(date(2026, 11, 1), date(2026, 11, 30))

    assert [period.fill_in(f"{{{word}}}") for word in WORDS] == [
        "2026-11-01",
        "2026-11-30",
        "2026-11-01 00:00:00",
        "2026-12-01 00:00:00",
    ]
    assert period.fill_in('%{"S":"{first_day}"}%') == '%{"S":"2026-11-01"}%'
