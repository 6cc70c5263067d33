from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ttl_archive.infra.local.firehose.clock import Clock, SystemClock

MORNING = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)


def test_a_clock_stands_still_until_it_is_advanced() -> None:
    clock = Clock(MORNING)

    assert MORNING == clock.now() == clock.now()
    assert clock.advance(timedelta(hours=1), seconds=5) == MORNING + timedelta(hours=1, seconds=5)
    assert clock.now() == MORNING + timedelta(hours=1, seconds=5)


def test_milliseconds_and_microseconds_are_exact_integers() -> None:
    clock = Clock(MORNING)

    assert clock.now_us() == 1772352000123456
    assert clock.now_ms() == 1772352000123


def test_a_start_in_another_zone_becomes_utc() -> None:
    clock = Clock(MORNING.astimezone(timezone(timedelta(hours=9))))

    assert UTC is clock.now().tzinfo
    assert clock.now() == MORNING


def test_a_clock_without_a_start_starts_now() -> None:
    before = datetime.now(UTC)

    assert before <= Clock().now() <= datetime.now(UTC)


def test_a_naive_start_is_refused_because_its_zone_is_unknown() -> None:
    with pytest.raises(ValueError, match="give a time zone"):
        Clock(datetime(2026, 3, 1))


@pytest.mark.parametrize("clock", [Clock(MORNING), SystemClock()])
def test_no_clock_goes_backwards(clock: Clock) -> None:
    before = clock.now()

    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(seconds=-1)

    assert before <= clock.now()


def test_the_system_clock_runs_and_keeps_what_it_was_advanced_by() -> None:
    clock = SystemClock()
    first = clock.advance(days=400)

    assert timedelta(days=399) < first - datetime.now(UTC) < timedelta(days=401)
    assert first <= clock.now()
    assert clock.now_ms() * 1000 <= clock.now_us()
