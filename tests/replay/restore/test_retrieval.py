"""Retrieval from GLACIER: cost known before, requested once, states from listings, few calls."""

from collections import Counter
from threading import Event
from typing import Any

import pytest

from tests.fakes import client_error
from tests.replay.restore.archives import GlacierBucket
from tests.replay.samples import BUCKET, SETTINGS
from ttl_archive.replay.errors import AccessDeniedError, MisuseError, ReplayError
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState, find_archived
from ttl_archive.replay.restore.retrieval import (
    request_retrieval,
    request_retrievals,
    retrieval_state,
    retrieval_states,
    wait_until_readable,
)
from ttl_archive.replay.restore.retrieval_cost import estimate
from ttl_archive.replay.restore.row_selection import Selection


class Poll(Event):
    """The wait between polls, in which the bucket's time passes; stopped after `last` polls."""

    def __init__(self, bucket: GlacierBucket, last: int = 1_000) -> None:
        super().__init__()
        self._bucket, self._left = bucket, last

    def wait(self, timeout: float | None = None) -> bool:
        self._bucket.tick()
        self._left -= 1
        return self._left <= 0


def listed(bucket: GlacierBucket) -> list[ArchivedObject]:
    return find_archived(bucket, BUCKET, "archive/", SETTINGS, Selection()).objects


def frozen_bucket(*storage_classes: str) -> GlacierBucket:
    bucket = GlacierBucket()
    for number, storage_class in enumerate(storage_classes):
        bucket.fill(f"archive/dt=2025-11-20/{number}", b"x" * 1000, storage_class=storage_class)
    return bucket


def wait(bucket: GlacierBucket, objects: list[ArchivedObject], poll: Poll) -> tuple[bool, list[Any]]:
    steps: list[tuple[int, int]] = []
    ready = wait_until_readable(
        bucket, objects, poll_s=0, stop=poll, on_step=lambda done, of: steps.append((done, of))
    )
    return ready, steps


def test_objects_in_glacier_are_requested_and_waited_for() -> None:
    bucket = frozen_bucket("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "STANDARD")
    objects = listed(bucket)
    frozen = [each for each in objects if each.is_in_glacier]
    states = retrieval_states(bucket, objects, 2)
    request_retrievals(bucket, frozen, tier="Standard", days=7, concurrency=2)
    request_retrievals(bucket, frozen, tier="Standard", days=7, concurrency=2)  # already in progress

    ready, steps = wait(bucket, frozen, Poll(bucket))

    assert list(states.values()) == [RetrievalState.NEEDED] * 2 + [RetrievalState.READABLE] * 2
    assert (ready, len(frozen), steps[-1]) == (True, 2, (2, 2))


def test_a_thousand_objects_over_many_polls_take_one_listing_a_poll_and_no_head() -> None:
    bucket = frozen_bucket(*["GLACIER"] * 1_000)
    bucket.polls = 50
    objects = listed(bucket)
    states = retrieval_states(bucket, objects, 4)
    request_retrievals(bucket, objects, tier="Bulk", days=1, concurrency=4)
    before = Counter(bucket.calls)
    bucket.calls.clear()

    ready, _ = wait(bucket, objects, Poll(bucket))

    assert ready
    assert set(states.values()) == {RetrievalState.NEEDED}
    assert before == {"ListObjectsV2": 1, "HeadObject": 1_000, "RestoreObject": 1_000}
    assert Counter(bucket.calls) == {"ListObjectsV2": 51}


def test_a_store_without_restore_status_takes_one_head_an_object_and_one_a_poll() -> None:
    bucket = frozen_bucket(*["GLACIER"] * 100)
    bucket.polls, bucket.lists_status = 50, False
    objects = listed(bucket)
    request_retrievals(bucket, objects, tier="Bulk", days=1, concurrency=4)
    bucket.calls.clear()

    ready, _ = wait(bucket, objects, Poll(bucket))

    assert ready
    assert Counter(bucket.calls)["HeadObject"] == 150


def test_a_listing_says_what_is_in_progress_and_what_is_readable() -> None:
    bucket = frozen_bucket("GLACIER", "GLACIER", "GLACIER")
    request_retrieval(bucket, listed(bucket)[0], "Standard", 1)
    bucket.objects["archive/dt=2025-11-20/1"].restore = 'ongoing-request="false", expiry-date="x"'
    bucket.calls.clear()

    states = retrieval_states(bucket, listed(bucket), 1)

    assert list(states.values()) == [
        RetrievalState.IN_PROGRESS,
        RetrievalState.READABLE,
        RetrievalState.NEEDED,
    ]
    assert Counter(bucket.calls) == {"ListObjectsV2": 1, "HeadObject": 1}


def test_waiting_can_be_stopped_and_the_retrieval_goes_on() -> None:
    bucket = frozen_bucket("GLACIER")
    objects = listed(bucket)
    bucket.polls = 99
    request_retrievals(bucket, objects, tier="Bulk", days=1, concurrency=1)

    ready, _ = wait(bucket, objects, Poll(bucket, last=1))

    assert not ready
    assert retrieval_state(bucket, objects[0]) is RetrievalState.IN_PROGRESS


def test_a_copy_that_expires_while_others_are_waited_for_is_reported() -> None:
    bucket = frozen_bucket("GLACIER")

    with pytest.raises(ReplayError, match=r"has expired\. Run the command again"):
        wait(bucket, listed(bucket), Poll(bucket))


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("AccessDenied", AccessDeniedError, "s3:RestoreObject"),
        ("GlacierExpeditedRetrievalNotAvailable", ReplayError, "--tier Standard"),
    ],
)
def test_a_refused_retrieval_is_reported(code: str, kind: type[Exception], message: str) -> None:
    bucket = frozen_bucket("GLACIER")
    objects = listed(bucket)

    def before(operation: str, request: dict[str, Any]) -> None:
        raise client_error(code, operation, 403)

    bucket.before = before

    with pytest.raises(kind, match=message):
        request_retrieval(bucket, objects[0], "Expedited", 1)


def test_the_cost_is_known_before() -> None:
    objects = [ArchivedObject(BUCKET, str(number), "e", 10**9, "GLACIER") for number in range(1000)]

    cost = estimate(objects, "Standard", 30)

    assert cost.usd == pytest.approx(1000 * 0.01 + 0.05 + 1000 * 0.023)
    assert (cost.objects, cost.size, cost.takes) == (1000, 10**12, "3 to 5 hours")


def test_a_tier_that_a_class_lacks_is_reported() -> None:
    with pytest.raises(MisuseError, match="DEEP_ARCHIVE"):
        estimate([ArchivedObject(BUCKET, "k", "e", 1, "DEEP_ARCHIVE")], "Expedited", 1)
