from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.s3.retrievals import RetrievalRefused, Retrievals

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
NAME = ("bucket", "key")


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def restores(clock: Clock) -> Retrievals:
    return Retrievals(clock)


@pytest.mark.parametrize(
    ("storage_class", "tier", "takes"),
    [
        ("GLACIER", "Expedited", timedelta(minutes=5)),
        ("GLACIER", "Standard", timedelta(hours=5)),
        ("GLACIER", "Bulk", timedelta(hours=12)),
        ("DEEP_ARCHIVE", "Standard", timedelta(hours=12)),
        ("DEEP_ARCHIVE", "Bulk", timedelta(hours=48)),
    ],
)
def test_a_restore_is_in_progress_until_the_tiers_time_has_passed(
    clock: Clock, restores: Retrievals, storage_class: str, tier: str, takes: timedelta
) -> None:
    assert restores.request(NAME, storage_class, tier, days=1) == 202
    clock.advance(takes - timedelta(microseconds=1))
    assert (restores.header(NAME), restores.is_readable(NAME)) == ('ongoing-request="true"', False)
    clock.advance(microseconds=1)
    assert restores.is_readable(NAME)


def test_a_restored_copy_ends_at_the_midnight_after_its_days(clock: Clock, restores: Retrievals) -> None:
    restores.request(NAME, "GLACIER", "Standard", days=2)
    clock.advance(hours=5)

    expected = 'ongoing-request="false", expiry-date="Wed, 04 Mar 2026 00:00:00 GMT"'
    assert restores.header(NAME) == expected
    clock.advance(datetime(2026, 3, 4, tzinfo=UTC) - clock.now())
    assert (restores.header(NAME), restores.is_readable(NAME)) == (None, False)


def test_a_second_request_in_progress_is_refused_and_a_later_one_prolongs(
    clock: Clock, restores: Retrievals
) -> None:
    restores.request(NAME, "GLACIER", "Standard", days=1)
    with pytest.raises(RetrievalRefused) as caught:
        restores.request(NAME, "GLACIER", "Standard", days=1)
    assert (caught.value.status, caught.value.code) == (409, "RestoreAlreadyInProgress")

    clock.advance(hours=5)
    assert restores.request(NAME, "GLACIER", "Bulk", days=9) == 200
    assert "11 Mar 2026" in str(restores.header(NAME))


def test_an_expired_copy_has_to_be_restored_again(clock: Clock, restores: Retrievals) -> None:
    restores.request(NAME, "GLACIER", "Standard", days=1)
    clock.advance(days=3)

    assert restores.request(NAME, "GLACIER", "Standard", days=1) == 202
    assert restores.header(NAME) == 'ongoing-request="true"'


@pytest.mark.parametrize(
    ("storage_class", "tier", "status", "code"),
    [
        ("STANDARD", "Standard", 403, "InvalidObjectState"),
        ("GLACIER_IR", "Standard", 403, "InvalidObjectState"),
        ("DEEP_ARCHIVE", "Expedited", 400, "InvalidArgument"),
    ],
)
def test_what_cannot_be_restored_is_refused(
    restores: Retrievals, storage_class: str, tier: str, status: int, code: str
) -> None:
    with pytest.raises(RetrievalRefused) as caught:
        restores.request(NAME, storage_class, tier, days=1)

    assert (status, code) == (caught.value.status, caught.value.code)


def test_an_overwritten_object_has_no_restore(clock: Clock, restores: Retrievals) -> None:
    restores.request(NAME, "GLACIER", "Standard", days=1)
    restores.forget(NAME)

    assert restores.header(NAME) is None
