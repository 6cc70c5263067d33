"""Writes to S3 that take effect only under a condition, and the test that a store knows conditions.

Source: Amazon S3 User Guide, conditional writes, conditional deletes; S3 API Reference, PutObject.
"""

import base64
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.replay.errors import MisuseError, ObjectError, ObjectGoneError

# A condition that does not hold; If-Match on a key that is gone is answered with 404.
_REFUSED = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})
_TRY_AGAIN = frozenset({"ConditionalRequestConflict", "409"})  # two writes at once: S3 asks to repeat it
_TRIES = 5
_NO_ETAG = '"00000000000000000000000000000000"'

Condition = dict[str, str]
ABSENT: Condition = {"IfNoneMatch": "*"}


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of an object, in memory or in a file, with their size and hash."""

    content: bytes | Path
    size: int
    sha256: str

    @staticmethod
    def of(content: bytes) -> "Payload":
        """Return the payload of some bytes."""
        return Payload(content, len(content), hashlib.sha256(content).hexdigest())

    def open(self) -> "IO[bytes] | bytes":
        """Return the bytes, or the open file, which the caller closes."""
        return self.content.open("rb") if isinstance(self.content, Path) else self.content


def unchanged(etag: str) -> Condition:
    """Return the condition that the object still has this ETag."""
    return {"IfMatch": etag}


def current_condition(s3: Any, bucket: str, key: str) -> Condition:
    """Return the condition that nobody writes the key after this call. Raises ObjectError."""
    try:
        return unchanged(s3.head_object(Bucket=bucket, Key=key)["ETag"])
    except (ClientError, BotoCoreError) as error:
        problem = translate_error(error, f"s3://{bucket}/{key}", "s3:GetObject")
        if isinstance(problem, ObjectGoneError):
            return ABSENT
        raise problem from error


def put_if(
    s3: Any, bucket: str, key: str, payload: Payload, condition: Condition, content_type: str
) -> str | None:
    """Write an object under a condition; return its ETag, or None when the condition does not hold.

    A write whose answer was lost and that the client repeated counts as written. S3 refuses the write when
    the bytes do not have the hash. Raises ObjectError.
    """
    url = f"s3://{bucket}/{key}"
    for _ in range(_TRIES):
        try:
            return _put(s3, bucket, key, payload, condition, content_type)
        except ClientError as error:
            code = error_code(error)
            if code in _TRY_AGAIN:
                continue
            if code not in _REFUSED:
                raise translate_error(error, url, "s3:PutObject") from error
            return _etag_of_ours(s3, bucket, key, payload)
        except BotoCoreError as error:
            with suppress(ObjectError):  # what is reported is the write that got no answer
                if etag := _etag_of_ours(s3, bucket, key, payload):
                    return etag
            raise translate_error(error, url) from error
    raise ObjectError(f"{url}: S3 answered {_TRIES} times that another write is in progress. Run again")


def put_verified(
    s3: Any, bucket: str, key: str, payload: Payload, condition: Condition, content_type: str
) -> None:
    """Write an object under a condition and check what the bucket then has. Raises ObjectError."""
    put_if(s3, bucket, key, payload, condition, content_type)
    url = f"s3://{bucket}/{key}"
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, url, "s3:PutObject and s3:GetObject") from error
    if not _is_ours(head, payload):
        raise ObjectError(f"{url}: the bucket has other bytes than those that were sent. Run again")


def check_conditions(s3: Any, bucket: str, key: str, token: str, *, deletes: bool = False) -> None:
    """Raise MisuseError when the store ignores a condition that keeps two runs apart.

    If-None-Match and If-Match are tried on writes, If-Match on reads, and with `deletes` on deletions, with
    the object `key`. `token` makes the bytes differ from those of every other check.
    """
    try:
        for verb, is_refused in _checks(s3, bucket, key, token, deletes=deletes):
            if not is_refused:
                raise MisuseError(
                    f"s3://{bucket}: the store ignores {verb}, which keeps two runs apart. Use a store with "
                    "conditional reads, writes and deletes, as Amazon S3 has them"
                )
    except ObjectError as error:
        if "NotImplemented" in str(error):
            raise MisuseError(f"s3://{bucket}: the store has no conditional writes ({error})") from None
        raise


def _checks(s3: Any, bucket: str, key: str, token: str, *, deletes: bool) -> Any:
    """Yield each condition in words, and whether the store refused a call for which it does not hold."""

    def refuses(content: str, condition: Condition) -> bool:
        payload = Payload.of(f"{token} {content}".encode())
        return put_if(s3, bucket, key, payload, condition, "text/plain") is None

    first = refuses("first", ABSENT)
    yield "If-None-Match on writes", refuses("second", ABSENT) or first
    yield "If-Match on writes", refuses("third", unchanged(_NO_ETAG))
    yield "If-Match on reads", _is_refused(s3.get_object, bucket, key)
    if deletes:
        yield "If-Match on deletions", _is_refused(s3.delete_object, bucket, key)


def _is_refused(call: Any, bucket: str, key: str) -> bool:
    try:
        call(Bucket=bucket, Key=key, IfMatch=_NO_ETAG)
    except ClientError as error:
        if error_code(error) in _REFUSED:
            return True
        raise translate_error(error, f"s3://{bucket}/{key}") from error
    except BotoCoreError as error:
        raise translate_error(error, f"s3://{bucket}/{key}") from error
    return False


def _put(s3: Any, bucket: str, key: str, payload: Payload, condition: Condition, content_type: str) -> str:
    body = payload.open()
    try:
        answer = s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            ChecksumSHA256=base64.b64encode(bytes.fromhex(payload.sha256)).decode(),
            Metadata={"sha256": payload.sha256},
            **condition,
        )
    finally:
        if not isinstance(body, bytes):
            body.close()
    return str(answer["ETag"])


def _etag_of_ours(s3: Any, bucket: str, key: str, payload: Payload) -> str | None:
    """Return the object's ETag when it has our bytes: then the write took effect though no answer came.

    Raises ObjectError when that cannot be seen: a run must not say that another one wrote the object.
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        problem = translate_error(error, f"s3://{bucket}/{key}", "s3:GetObject")
        if isinstance(problem, ObjectGoneError):
            return None
        raise problem from error
    return str(head["ETag"]) if _is_ours(head, payload) else None


def _is_ours(head: dict[str, Any], payload: Payload) -> bool:
    return bool(
        head["ContentLength"] == payload.size and head.get("Metadata", {}).get("sha256") == payload.sha256
    )
