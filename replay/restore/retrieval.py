"""Objects in GLACIER made readable: restore jobs, what they cost, how far they are.

S3 itself knows what was asked for and what is ready, so nothing has to be kept here, and a killed command
goes on where it was. Source: Amazon S3 User Guide, restoring objects; S3 API Reference, RestoreObject.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.restore.row_selection import ArchivedObject

Tier = Literal["Standard", "Bulk", "Expedited"]
State = Literal["readable", "in progress", "cold"]
_GB = 1e9
_STANDARD_GB_MONTH = 0.023


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars in us-east-1, and how long it takes."""

    per_gb: float
    per_1000_requests: float
    takes: str


# Prices: infracost's s3_bucket_test golden file, 2024-07-01; that Bulk is free for GLACIER is UNVERIFIED. For
# Standard's requests it has 0.03, other references 0.05: the dearer, for an estimate must not be too low.
# Times: S3 User Guide, archive retrieval options.
PRICES: dict[tuple[str, str], Price] = {
    ("GLACIER", "Expedited"): Price(0.03, 10.0, "1 to 5 minutes"),
    ("GLACIER", "Standard"): Price(0.01, 0.05, "3 to 5 hours"),
    ("GLACIER", "Bulk"): Price(0.0, 0.0, "5 to 12 hours"),
    ("DEEP_ARCHIVE", "Standard"): Price(0.02, 0.10, "12 hours"),
    ("DEEP_ARCHIVE", "Bulk"): Price(0.0025, 0.025, "48 hours"),
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a retrieval would cost, about, and how long it would take."""

    objects: int
    size: int
    usd: float
    takes: str


def estimate(cold: Sequence[ArchivedObject], tier: str, days: int) -> Estimate:
    """The cost of retrieving these objects, with the copies kept for so many days.

    Raises MisuseError when a storage class does not have the tier.
    """
    usd = 0.0
    takes = []
    for storage_class in sorted({each.storage_class for each in cold}):
        price = PRICES.get((storage_class, tier))
        if price is None:
            raise MisuseError(f"--tier {tier} is not offered for {storage_class}. Use Standard or Bulk")
        sizes = [each.size for each in cold if each.storage_class == storage_class]
        usd += sum(sizes) / _GB * price.per_gb + len(sizes) / 1000 * price.per_1000_requests
        usd += sum(sizes) / _GB * _STANDARD_GB_MONTH * days / 30
        takes.append(price.takes)
    return Estimate(len(cold), sum(each.size for each in cold), usd, " and ".join(takes))


def state_of(s3: Any, archived: ArchivedObject) -> State:
    """Whether an object can be read now, or will be, or has not been asked for."""
    if not archived.is_cold:
        return "readable"
    try:
        restore = s3.head_object(Bucket=archived.bucket, Key=archived.key).get("Restore", "")
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, archived.url, "s3:GetObject") from error
    if 'ongoing-request="true"' in restore:
        return "in progress"
    return "readable" if 'ongoing-request="false"' in restore else "cold"


def states(s3: Any, objects: Iterable[ArchivedObject], concurrency: int) -> dict[str, State]:
    """The state of every object by key."""
    with ThreadPoolExecutor(concurrency) as pool:
        some = list(objects)
        return dict(zip((each.key for each in some), pool.map(lambda o: state_of(s3, o), some), strict=True))


def request(s3: Any, archived: ArchivedObject, tier: str, days: int) -> None:
    """Start one restore job; that it runs already is as good. Raises ReplayError."""
    url = archived.url
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
            raise ReplayError(f"{url}: no Expedited retrieval at this time. Use --tier Standard") from error
        raise translate_error(error, url, "s3:RestoreObject") from error
    except BotoCoreError as error:
        raise translate_error(error, url) from error


def request_all(s3: Any, cold: Sequence[ArchivedObject], *, tier: str, days: int, concurrency: int) -> None:
    """Start a restore job for each object."""
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(lambda each: request(s3, each, tier, days), cold))


def wait_until_readable(
    s3: Any,
    objects: Sequence[ArchivedObject],
    *,
    concurrency: int,
    poll_s: float,
    stop: Event,
    on_step: Callable[[int, int], None],
) -> bool:
    """Look from time to time until all can be read; False when `stop` was set. `on_step`: ready, all."""
    waiting = [each for each in objects if each.is_cold]
    total = len(waiting)
    while True:
        now = states(s3, waiting, concurrency)
        waiting = [each for each in waiting if now[each.key] != "readable"]
        on_step(total - len(waiting), total)
        if not waiting:
            return True
        if gone := next((each for each in waiting if now[each.key] == "cold"), None):
            raise ReplayError(f"{gone.url}: its restored copy has expired. Run again")
        if stop.wait(poll_s):
            return False
