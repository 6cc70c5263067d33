"""AWS clients as the AWS command line would make them, and AWS's errors in words an operator can act on."""

from os import environ
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.errors import (
    AccessDeniedError,
    ObjectChangedError,
    ObjectError,
    ObjectFrozenError,
    ObjectGoneError,
    ReplayError,
)

DEFAULT_ATTEMPTS = 8
_TIMEOUT_S = 60
_NO_RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 1})


class Clients:
    """One client for each service, made when first asked for.

    Profile, region, credentials and endpoint (AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, ...) are found as the
    AWS command line finds them. Clients may be shared by threads, sessions may not.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        connections: int = 10,
    ) -> None:
        self._session = boto3.Session(profile_name=profile, region_name=region)
        self._config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=10,
            read_timeout=_TIMEOUT_S,
            max_pool_connections=max(10, connections),
            s3={"addressing_style": "path"} if self._session_has_endpoint() else {},
        )
        self._clients: dict[tuple[str, bool], Any] = {}

    def __call__(self, service: str, *, retries: bool = True) -> Any:
        """The client of a service, for example "s3"."""
        if (service, retries) not in self._clients:
            config = self._config if retries else self._config.merge(_NO_RETRIES)
            self._clients[service, retries] = self._session.client(service, config=config)
        return self._clients[service, retries]

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _session_has_endpoint(self) -> bool:
        """Whether another endpoint than AWS is set: emulators do not serve a host name for each bucket."""
        return bool(environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL"))


# How S3 says that the condition of a write does not hold.
CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey"})


def error_code(error: ClientError) -> str:
    """The service's error code; for HEAD, which has no body, the HTTP status as text."""
    return str(error.response.get("Error", {}).get("Code", ""))


_DENIED = "access denied. Allow {action} on it, and kms:Decrypt where it is encrypted"
# Error code of S3 -> our error and what to do. Source: Amazon S3 API Reference, error responses;
# a HEAD has no body, so there the code is the status.
_S3_ERRORS: dict[str, tuple[type[ObjectError], str]] = {
    "NoSuchKey": (ObjectGoneError, "it is not there any more. Plan again"),
    "404": (ObjectGoneError, "it is not there any more. Plan again"),
    "NoSuchBucket": (ObjectGoneError, "there is no such bucket. Check --bucket, --profile and --region"),
    "PreconditionFailed": (ObjectChangedError, "it was written again since it was listed. Plan again"),
    "412": (ObjectChangedError, "it was written again since it was listed. Plan again"),
    "AccessDenied": (AccessDeniedError, _DENIED),
    "403": (AccessDeniedError, _DENIED),
    "InvalidObjectState": (ObjectFrozenError, "it is in an archive storage class. Restore it first"),
}


def translate_error(error: BotoCoreError | ClientError, what: str, action: str = "") -> ReplayError:
    """An error of a call as one of ours; `what` names the object, `action` is the permission it takes."""
    if not isinstance(error, ClientError):
        return ObjectError(f"{what}: {error}")
    code = error_code(error)
    if code in _S3_ERRORS:
        kind, text = _S3_ERRORS[code]
        return kind(f"{what}: {text.format(action=action or error.operation_name)}")
    return ObjectError(f"{what}: {error.operation_name} was refused with {code}: {_message(error)}")


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", "no message"))
