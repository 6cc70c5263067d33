"""Claims: exclusive rights of one run to an error object, and the states of error objects.

A claim object is created with If-None-Match and changed with If-Match only, so two runs never hold one error
object, and a run that was delayed cannot undo what another run wrote meanwhile. A claim that ran out is taken
over with the progress it had. Claim objects are never deleted.
Source: Amazon S3 User Guide, conditional writes.
"""

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.claim_document import (
    ClaimDocument,
    ReplayProgress,
    Result,
    State,
    manifest_of,
    read_claim,
)
from ttl_archive.replay.conditional_put import ABSENT, Payload, check_conditions, put_if, unchanged
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.errors import ClaimLostError, MisuseError, ObjectGoneError, ReplayError
from ttl_archive.transform import layout

LEASE = timedelta(minutes=15)
_TRIES = 5
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Stored:
    """A claim as it is in the bucket, with the ETag that a change of it must name."""

    document: ClaimDocument
    etag: str


class Claim:
    """One error object, held by this run. A change raises ClaimLostError once another run has it."""

    def __init__(
        self, claims: "Claims", error_object: ErrorObject, document: ClaimDocument, etag: str
    ) -> None:
        self.error_object = error_object
        self.document = document
        self._claims = claims
        self._etag = etag

    @property
    def progress(self) -> ReplayProgress:
        """How far the object is."""
        return self.document.progress

    @property
    def token(self) -> str:
        """Text that no other claim has, and that changes with every write of this one."""
        return self.document.token

    def keep(self) -> None:
        """Renew the claim when half of its time is over."""
        until, now = self.document.until, self._claims.now()
        half_over = until is None or until - now < self._claims.lease / 2
        if half_over and (until is None or self._claims.until() > until):
            self.renew()

    def note(self, **progress: Any) -> None:
        """Remember progress; every later write of the claim has it."""
        self.document = replace(self.document, progress=replace(self.progress, **progress))

    def renew(self) -> None:
        """Write the progress and a new end of the claim."""
        self._write(until=self._claims.until())

    def release(self) -> None:
        """End the claim, so that the next run need not wait for its end."""
        self._write(until=None)

    def settle(self, state: State, result: Result) -> None:
        """Write how the object was judged, and end the claim, in one write."""
        self._write(state=state, result=result, until=None)

    def _write(self, **changes: Any) -> None:
        changed = replace(self.document, token=self._claims.token(), **changes)
        etag = self._claims.write(changed, self._etag)
        if etag is None:
            raise ClaimLostError(
                f"{self.error_object.url}: another run has taken the object over. Nothing to do here"
            )
        self.document, self._etag = changed, etag


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one table in one bucket, as one run, `owner`, takes them. Times are aware, in UTC.

    No claim of this run ends after `not_after`. `now` and `token` are replaced by a simulation.
    """

    s3: Any
    bucket: str
    table: str
    owner: str
    lease: timedelta = LEASE
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    not_after: datetime | None = None
    token: Callable[[], str] = lambda: secrets.token_hex(8)

    def until(self) -> datetime:
        """Return when a claim ends that is taken or renewed now."""
        end = self.now() + self.lease
        return min(end, self.not_after) if self.not_after else end

    def take(
        self, error_object: ErrorObject, sink: str, transform: str, *, with_refused: bool = False
    ) -> Claim | ClaimDocument:
        """Return the claim; or what the bucket says of an object that another run holds or has judged.

        An object that this same transform has refused is taken with `with_refused` only. Raises ReplayError,
        for one when the sink is a stream and the archive may have rows of the object.
        """
        for _ in range(_TRIES):
            new = self._new(error_object, sink)
            if etag := self.write(new, None):
                return Claim(self, error_object, new, etag)
            found = self.find(error_object)
            if found is None:
                continue
            if self._is_taken(found.document, transform, with_refused=with_refused):
                return found.document
            taken = self._taken_over(found.document, sink)
            if etag := self.write(taken, found.etag):
                return Claim(self, error_object, taken, etag)
        raise ReplayError(f"{error_object.url}: other runs keep changing its claim. Run again later")

    def find(self, error_object: ErrorObject) -> Stored | None:
        """Return the object's claim, or None when no run has ever taken it. Raises ObjectError."""
        key = layout.claim_key(self.table, error_object.key, error_object.identity)
        url = f"s3://{self.bucket}/{key}"
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            with closing(answer["Body"]) as stream:
                return Stored(read_claim(stream.read(), url), str(answer["ETag"]))
        except (ClientError, BotoCoreError) as error:
            problem = translate_error(error, url, "s3:GetObject")
            if isinstance(problem, ObjectGoneError):
                return None
            raise problem from error

    def run_command(self, error_object: ErrorObject) -> str:
        """Return the command that replays the place where the object is."""
        place = f" --on-failure {error_object.bucket}" if error_object.bucket != self.bucket else ""
        return f"ttl-archive replay run --bucket {self.bucket}{place}"

    def change(self, error_object: ErrorObject, alter: Callable[[ClaimDocument], ClaimDocument]) -> None:
        """Write what `alter` returns of the claim, unless somebody else changes it or a run holds it.

        Raises MisuseError where a run holds the object, ClaimLostError when the claim changed meanwhile.
        """
        found = self.find(error_object)
        if found is None:
            raise MisuseError(
                f"{error_object.url}: no run has judged it. Replay it first: {self.run_command(error_object)}"
            )
        if found.document.is_held(self.now()):
            raise MisuseError(
                f"{error_object.url}: the run {found.document.owner} holds it until "
                f"{found.document.until:%Y-%m-%dT%H:%M:%SZ}. Wait for its end"
            )
        changed = replace(alter(found.document), token=self.token())
        if not self.write(changed, found.etag):
            raise ClaimLostError(
                f"{error_object.url}: its claim was changed at the same time. Run the command again"
            )

    def write(self, document: ClaimDocument, etag: str | None) -> str | None:
        """Create the claim, or change the one that has this ETag; return the new ETag, or None."""
        ident = layout.identity(document.bucket, document.object, document.etag)
        key = layout.claim_key(self.table, document.object, ident)
        condition = unchanged(etag) if etag else ABSENT
        return put_if(self.s3, self.bucket, key, Payload.of(document.as_bytes()), condition, _JSON)

    def write_manifest(self, document: ClaimDocument) -> None:
        """Write the manifest of a done object; it follows from the claim. Raises ObjectError."""
        ident = layout.identity(document.bucket, document.object, document.etag)
        key = layout.manifest_key(self.table, document.object, ident)
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=manifest_of(document), ContentType=_JSON)
        except (ClientError, BotoCoreError) as error:
            raise translate_error(error, f"s3://{self.bucket}/{key}", "s3:PutObject") from error

    def check_store(self, *, deletes: bool = False) -> None:
        """Raise MisuseError when the store ignores a condition, because then nothing keeps two runs apart."""
        key = layout.condition_check_key(self.table)
        check_conditions(self.s3, self.bucket, key, self.token(), deletes=deletes)

    def _new(self, error_object: ErrorObject, sink: str) -> ClaimDocument:
        return ClaimDocument(
            error_object.bucket,
            error_object.key,
            error_object.etag,
            self.owner,
            self.until(),
            self.token(),
            progress=ReplayProgress(sink),
        )

    def _is_taken(self, found: ClaimDocument, transform: str, *, with_refused: bool) -> bool:
        if found.is_held(self.now()):
            return True
        state = found.state_for(transform)
        return not (state == State.OPEN or (state == State.REFUSED and with_refused))

    def _taken_over(self, found: ClaimDocument, sink: str) -> ClaimDocument:
        """Return the claim as this run takes it over, open again, with the progress that was written.

        A run that did not release its claim was killed or delayed. With a stream as its sink, one call may
        have been sent, or may still be, of which the claim says nothing.
        """
        found.check_sink(sink)
        before = found.progress
        unfinished = found.until is not None and before.sink != "s3"
        progress = replace(before, sink=sink, unfinished_runs=before.unfinished_runs + unfinished)
        return replace(
            found,
            owner=self.owner,
            until=self.until(),
            token=self.token(),
            state=State.OPEN,
            result=None,
            progress=progress,
        )


def new_owner(name: str = "") -> str:
    """Return a name for a run that no other run has."""
    return f"{name or 'run'}-{secrets.token_hex(8)}"
