"""What is being done and what is done, kept in the bucket so that it is true even if killed at any line.

A claim says who is at an object and until when; it is created and changed by conditional writes only, so two
runs never hold one object. A claim that ran out is taken over with the progress it had. A manifest says that
an object is done. Neither is ever deleted.
Source: Amazon S3 User Guide, conditional writes.
"""

import json
import secrets
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import CONFLICTS, error_code, translate_error
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.errors import ClaimLostError, MisuseError, ObjectGoneError, ReplayError
from ttl_archive.transform import layout
from ttl_archive.transform.limits import KINESIS_CALL_RECORDS

LEASE = timedelta(minutes=15)
_TRIES = 5
_CHECK_KEY = layout.CLAIMS + "_check"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an object is. With a stream: lines before `next_line` are sent, save those in `unsent`."""

    sink: str
    transform: str  # its identity: which lines are sent follows from its verdicts
    next_line: int = 1
    unsent: frozenset[int] = frozenset()
    outputs: tuple[str, ...] = ()  # s3: every key that may have been written
    possible_duplicates: int = 0  # at most so many records went into a stream twice

    def sent(self, line: int) -> bool:
        """Whether a stream has confirmed that line in an earlier run."""
        return line < self.next_line and line not in self.unsent


class Claim:
    """One object, held by this run. Every change of it fails with ClaimLostError once another run has it."""

    def __init__(self, claims: "Claims", error_object: ErrorObject, progress: Progress) -> None:
        self.error_object = error_object
        self.progress = progress
        self._claims = claims
        self._key = layout.claim_key(error_object.key, error_object.identity)
        self._etag = ""
        self._until = datetime.min.replace(tzinfo=UTC)

    def keep(self) -> None:
        """Renew the claim when half of its time is over."""
        half_over = self._until - self._claims.now() < self._claims.lease / 2
        if half_over and self._claims.until() > self._until:
            self.record()

    def record(self, **changes: Any) -> None:
        """Write down progress, and renew."""
        self._write(replace(self.progress, **changes), self._claims.until())

    def release(self) -> None:
        """Let go: whoever comes next need not wait."""
        self._write(self.progress, None)

    def _write(self, progress: Progress, until: datetime | None) -> None:
        # Without an ETag the claim is not ours; no write goes out without a condition.
        etag = self._etag and self._claims.put(self._key, self._body(progress, until), IfMatch=self._etag)
        if not etag:
            raise ClaimLostError(
                f"{self.error_object.url}: another run has taken it over. Nothing to do here"
            )
        self.progress = progress
        self._etag = etag
        self._until = until or self._until

    def create(self) -> bool:
        """Whether nobody had it before."""
        until = self._claims.until()
        etag = self._claims.put(self._key, self._body(self.progress, until), IfNoneMatch="*")
        self._etag, self._until = etag or "", until
        return etag is not None

    def take_over(self, found: dict[str, Any], etag: str) -> bool:
        """Whether the claim that was found could be made ours, with its progress.

        A run that did not let go was killed. With a stream, its last batch may have been sent without a note.
        """
        before = _progress(found["progress"])
        duplicates = before.possible_duplicates
        if found["until"] is not None and before.sink != "s3":
            duplicates += KINESIS_CALL_RECORDS
        progress = replace(before, possible_duplicates=duplicates, sink=self.progress.sink)
        if before.transform != self.progress.transform:
            # Another verdict may make a row of a line that was passed over: all lines have to go again.
            duplicates += before.next_line - 1
            progress = replace(self.progress, outputs=before.outputs, possible_duplicates=duplicates)
        self._etag = etag
        try:
            self._write(progress, self._claims.until())
        except ClaimLostError:
            return False
        return True

    def _body(self, progress: Progress, until: datetime | None) -> bytes:
        document = {
            "object": self.error_object.key,
            "etag": self.error_object.etag,
            "owner": self._claims.owner,
            "until": until.isoformat() if until else None,
            "write": self._claims.token(),  # tells this write from an equal one of somebody else
            "progress": asdict(progress) | {"unsent": sorted(progress.unsent)},
        }
        return json.dumps(document).encode()


@dataclass(frozen=True, slots=True)
class Claims:
    """Takes claims in one bucket for one run, `owner`; none goes beyond `not_after`. Times are aware, UTC."""

    s3: Any
    bucket: str
    owner: str
    lease: timedelta = LEASE
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    not_after: datetime | None = None
    token: Callable[[], str] = lambda: secrets.token_hex(4)

    def until(self) -> datetime:
        """When a claim that is taken or renewed now runs out."""
        end = self.now() + self.lease
        return min(end, self.not_after) if self.not_after else end

    def take(
        self, error_object: ErrorObject, sink: str, transform: str
    ) -> Claim | Literal["already", "busy"]:
        """The object, for this run alone; or that it is done already, or that another run is at it."""
        for _ in range(_TRIES):
            claim = Claim(self, error_object, Progress(sink, transform))
            is_new = claim.create()
            if self._is_done(claim):
                return "already"
            if is_new:
                return claim
            found, etag = self._get(layout.claim_key(error_object.key, error_object.identity))
            if found is None:
                continue
            if found["until"] and datetime.fromisoformat(found["until"]) > self.now():
                return "busy"
            if claim.take_over(found, etag):
                return claim
        return "busy"

    def _is_done(self, claim: Claim) -> bool:
        try:
            return self.manifest(claim.error_object) is not None
        except ReplayError:
            with suppress(ReplayError):
                claim.release()  # if it is ours
            raise

    def finish(self, error_object: ErrorObject, manifest: dict[str, Any]) -> None:
        """Write down that the object is done, and how."""
        key = layout.manifest_key(error_object.key, error_object.identity)
        self.put(key, json.dumps(manifest, indent=1).encode())

    def manifest(self, error_object: ErrorObject) -> dict[str, Any] | None:
        """The object's manifest; None while it is not done."""
        return self._get(layout.manifest_key(error_object.key, error_object.identity))[0]

    def check_store(self) -> None:
        """Raise MisuseError when the store ignores conditions, for then nothing keeps two runs apart."""
        try:
            if all(self.put(_CHECK_KEY, body, IfNoneMatch="*") for body in (b"1", b"2")):
                raise MisuseError(
                    f"s3://{self.bucket}: the store ignores conditional writes (If-None-Match), "
                    "which keep two runs apart. Use a store that has them, as Amazon S3 does"
                )
        except ReplayError as error:
            if "NotImplemented" in str(error):
                raise MisuseError(
                    f"s3://{self.bucket}: the store has no conditional writes ({error})"
                ) from None
            raise

    def put(self, key: str, body: bytes, **condition: str) -> str | None:
        """Write; the new ETag, or None when the condition, IfMatch or IfNoneMatch, does not hold."""
        for _ in range(_TRIES):
            try:
                answer = self.s3.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", **condition
                )
                return str(answer["ETag"])
            except ClientError as error:
                code = error_code(error)
                if code not in CONFLICTS:
                    raise translate_error(error, f"s3://{self.bucket}/{key}", "s3:PutObject") from error
                if code in {"ConditionalRequestConflict", "409"}:
                    continue  # two writes at once; S3 asks to try again
                return self._written_by_us(key, body)
            except BotoCoreError as error:
                raise translate_error(error, f"s3://{self.bucket}/{key}") from error
        return None

    def _written_by_us(self, key: str, body: bytes) -> str | None:
        """The ETag when it is our own write that stands there: its answer was lost and it was sent again."""
        if key == _CHECK_KEY:
            return None
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        except (ClientError, BotoCoreError):
            return None
        with closing(answer["Body"]) as stream:
            return str(answer["ETag"]) if stream.read() == body else None

    def _get(self, key: str) -> tuple[dict[str, Any] | None, str]:
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            with closing(answer["Body"]) as stream:
                return json.loads(stream.read()), str(answer["ETag"])
        except (ClientError, BotoCoreError) as error:
            problem = translate_error(error, f"s3://{self.bucket}/{key}", "s3:GetObject")
            if isinstance(problem, ObjectGoneError):
                return None, ""
            raise problem from error


def new_owner(name: str = "") -> str:
    """A name for a run that no other run has."""
    return f"{name or 'run'}-{secrets.token_hex(8)}"


def _progress(found: dict[str, Any]) -> Progress:
    return Progress(**{**found, "unsent": frozenset(found["unsent"]), "outputs": tuple(found["outputs"])})
