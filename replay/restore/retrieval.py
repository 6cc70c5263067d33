"""Objects in GLACIER made readable: retrievals are requested and waited for.

S3 itself knows what was requested and what is ready, so nothing is kept here, and a killed command resumes.
Source: Amazon S3 User Guide, restoring objects; S3 API Reference, RestoreObject, ListObjectsV2.
"""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState, list_retrievals
from ttl_archive.replay.workers import Threads, Workers, in_parallel


def retrieval_states(
    s3: Any,
    objects: Sequence[ArchivedObject],
    concurrency: int,
    workers: Callable[[int], Workers] = Threads,
) -> dict[str, RetrievalState]:
    """Return the state of every object by key: from the listing, by HeadObject where the listing has none.

    Raises AccessDeniedError, ObjectGoneError or ObjectError.
    """

    def ask(archived: ArchivedObject) -> tuple[str, RetrievalState]:
        return archived.key, retrieval_state(s3, archived)

    unlisted = (each for each in objects if each.retrieval is None)
    asked = dict(in_parallel(workers(concurrency), ask, unlisted, at_once=concurrency))
    return {each.key: each.retrieval or asked[each.key] for each in objects}


def retrieval_state(s3: Any, archived: ArchivedObject) -> RetrievalState:
    """Return the state of an object in GLACIER by HeadObject. Raises as `retrieval_states`."""
    try:
        header = s3.head_object(Bucket=archived.bucket, Key=archived.key).get("Restore", "")
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, archived.url, "s3:GetObject") from error
    if 'ongoing-request="true"' in header:
        return RetrievalState.IN_PROGRESS
    return RetrievalState.READABLE if 'ongoing-request="false"' in header else RetrievalState.NEEDED


def request_retrieval(s3: Any, archived: ArchivedObject, tier: str, days: int) -> None:
    """Request the retrieval of one object; one that is already in progress serves as well.

    Raises AccessDeniedError, ObjectGoneError, ObjectError, or ReplayError when the tier has no capacity.
    """
    try:
        s3.restore_object(
            Bucket=archived.bucket,
            Key=archived.key,
            RestoreRequest={"Days": days, "GlacierJobParameters": {"Tier": tier}},
        )
    except ClientError as error:
        code = error_code(error)
        if code in ("RestoreAlreadyInProgress", "ObjectAlreadyInActiveTierError"):
            return
        if code == "GlacierExpeditedRetrievalNotAvailable":
            message = f"{archived.url}: S3 has no Expedited retrieval at this time. Use --tier Standard"
            raise ReplayError(message) from error
        raise translate_error(error, archived.url, "s3:RestoreObject") from error
    except BotoCoreError as error:
        raise translate_error(error, archived.url) from error


def request_retrievals(
    s3: Any,
    objects: Sequence[ArchivedObject],
    *,
    tier: str,
    days: int,
    concurrency: int,
    workers: Callable[[int], Workers] = Threads,
) -> None:
    """Request the retrieval of each object. Raises as `request_retrieval`."""

    def request(archived: ArchivedObject) -> None:
        request_retrieval(s3, archived, tier, days)

    for _ in in_parallel(workers(concurrency), request, objects, at_once=concurrency):
        pass


def wait_until_readable(
    s3: Any,
    objects: Sequence[ArchivedObject],
    *,
    poll_s: float,
    stop: Event,
    on_step: Callable[[int, int], None],
) -> bool:
    """Wait until all objects can be read; return False when `stop` was set. `on_step` takes ready and all.

    A poll lists the folders of what is missing. Only a store whose listing has no RestoreStatus is asked
    object by object, in order and no further than the first that is not ready: over all polls that is one
    HeadObject for each object and one for each poll.
    Raises ReplayError when a copy expired meanwhile, and as `retrieval_states`.
    """
    waiting = list(objects)
    while True:
        listed = list_retrievals(s3, waiting)
        waiting = _still_waiting(s3, waiting, listed)
        on_step(len(objects) - len(waiting), len(objects))
        if not waiting:
            return True
        if stop.wait(poll_s):
            return False


def _still_waiting(
    s3: Any, waiting: Sequence[ArchivedObject], listed: dict[str, RetrievalState | None]
) -> list[ArchivedObject]:
    missing = [each for each in waiting if listed.get(each.key) is RetrievalState.IN_PROGRESS]
    unlisted = [each for each in waiting if listed.get(each.key) is None]
    for position, archived in enumerate(unlisted):
        state = retrieval_state(s3, archived)
        if state is RetrievalState.NEEDED:
            raise ReplayError(f"{archived.url}: its retrieved copy has expired. Run the command again")
        if state is RetrievalState.IN_PROGRESS:
            return missing + unlisted[position:]
    return missing
