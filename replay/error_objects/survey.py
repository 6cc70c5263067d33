"""Every error object under a prefix with its state."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from ttl_archive.replay.claim_document import ClaimDocument, State
from ttl_archive.replay.claims import Claims, Stored
from ttl_archive.replay.error_objects.error_lines import read_lines
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader, list_error_objects, list_keys
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.workers import Threads, Workers, in_parallel
from ttl_archive.transform import layout

_AT_ONCE = 16
_AT_A_TIME = 1000  # objects whose claims are read before the first of them is returned


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects are selected; a field left empty selects all. Times are the objects' own, in UTC."""

    since: datetime | None = None
    until: datetime | None = None  # exclusive
    types: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()  # an object is selected when it holds a record of one of these
    key_prefix: str = ""  # after the error output prefix

    def selects(self, found: ErrorObject) -> bool:
        """Whether the object is selected, as far as its name and time say."""
        if self.types and found.type not in self.types:
            return False
        if self.since and found.time < self.since:
            return False
        return not (self.until and found.time >= self.until)


@dataclass(frozen=True, slots=True)
class Found:
    """An error object with its state and its claim. `problem` says why the claim cannot be read."""

    object: ErrorObject
    state: State
    claim: Stored | None = None
    problem: str = ""

    @property
    def document(self) -> ClaimDocument | None:
        """The claim's content, or None when no run has ever taken the object."""
        return self.claim.document if self.claim else None


def survey(
    claims: Claims,
    prefix: str,
    only: Filter,
    transform: str,
    workers: Callable[[int], Workers] = Threads,
    *,
    errors_bucket: str | None = None,
) -> Iterator[Found]:
    """Yield the selected objects under the prefix, in the order of their keys.

    They lie in the bucket of the claims, unless `errors_bucket` names another. The states are those for
    today's transform. Claims are read, several at once, of those objects that have one. Raises
    AccessDeniedError, ObjectGoneError (no such bucket) or ObjectError.
    """
    prefix += only.key_prefix
    claimed = set(list_keys(claims.s3, claims.bucket, layout.claims_folder(claims.table) + prefix))
    listed = list_error_objects(claims.s3, errors_bucket or claims.bucket, prefix)
    selected = (found for found in listed if only.selects(found))

    def look_up(error_object: ErrorObject) -> Found:
        key = layout.claim_key(claims.table, error_object.key, error_object.identity)
        return find(claims, error_object, transform) if key in claimed else Found(error_object, State.OPEN)

    while some := list(islice(selected, _AT_A_TIME)):
        found = in_parallel(workers(_AT_ONCE), look_up, some, at_once=_AT_ONCE)
        yield from sorted(found, key=lambda each: each.object.key)


def find(claims: Claims, error_object: ErrorObject, transform: str) -> Found:
    """Return one object with its state; with `problem` and the state open when its claim cannot be read."""
    try:
        claim = claims.find(error_object)
    except ReplayError as error:
        return Found(error_object, State.OPEN, problem=str(error))
    return Found(error_object, claim.document.state_for(transform) if claim else State.OPEN, claim)


def with_code(s3: Any, found: Iterable[Found], codes: tuple[str, ...]) -> Iterator[Found]:
    """Yield those objects that hold a record of one of the error codes; without codes, all of them."""
    for each in found:
        if not codes or any(record.code in codes for record in read_lines(Reader(s3, each.object).chunks())):
            yield each
