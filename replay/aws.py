"""AWS clients as the AWS command line makes them, and AWS's errors in words that an operator can act on."""

from __future__ import annotations

from os import environ
from typing import TYPE_CHECKING, Any

import botocore.exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.errors import (
    AccessDeniedError,
    ObjectChangedError,
    ObjectError,
    ObjectFrozenError,
    ObjectGoneError,
    ReplayError,
)

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

DEFAULT_ATTEMPTS = 8
_TIMEOUT_S = 60


class Clients:
    """One client for each service, made when it is first asked for.

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
        import boto3  # 0.1 s of CPU, which a command's --help must not take
        from botocore.config import Config

        self._session = boto3.Session(profile_name=profile, region_name=region)
        self._no_retries = Config(retries={"mode": "standard", "total_max_attempts": 1})
        self._config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=10,
            read_timeout=_TIMEOUT_S,
            max_pool_connections=max(10, connections),
            s3={"addressing_style": "path"} if self.has_own_endpoint() else {},
        )
        self._clients: dict[tuple[str, bool], Any] = {}

    def __call__(self, service: str, *, retries: bool = True) -> Any:
        """Return the client of a service, for example "s3"; without `retries`, each call is made once."""
        if (service, retries) not in self._clients:
            config = self._config if retries else self._config.merge(self._no_retries)
            self._clients[service, retries] = self._session.client(service, config=config)
        return self._clients[service, retries]

    @property
    def access_key_id(self) -> str:
        """The access key of the credentials, or empty text without any. It belongs to one account only."""
        found = self._session.get_credentials()
        return str(found.access_key) if found else ""

    def credentials(self) -> ReadOnlyCredentials | None:
        """Return the access key, the secret key and the token as of now; None without credentials."""
        found = self._session.get_credentials()
        return found.get_frozen_credentials() if found else None

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def has_own_endpoint(self) -> bool:
        """Whether another endpoint than AWS is set: emulators do not serve a host name for each bucket."""
        return bool(environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL"))


_WHO = "To see which credentials are used: aws sts get-caller-identity"
_SIGN_IN = f"Sign in again (for example: aws sso login). {_WHO}"
_EXPIRED = f"the credentials have expired. {_SIGN_IN}"
_WRONG = f"the credentials are not known to AWS. Check --profile. {_WHO}"
_GONE = "it is not there any more. Plan again"
_CHANGED = "it was overwritten since it was listed. Plan again"
_DENIED = "access denied. Allow {action} on it, and kms:Decrypt where it is encrypted"
_REGION = (
    "the bucket is in another Region. Name it with --region. To see it: "
    "aws s3api get-bucket-location --bucket BUCKET"
)
# Error code -> our error and what to do. Source: Amazon S3 API Reference, error responses; AWS Security Token
# Service API Reference, common errors. A HEAD has no body, so there the code is the status.
_ERRORS: dict[str, tuple[type[ObjectError], str]] = {
    "NoSuchKey": (ObjectGoneError, _GONE),
    "404": (ObjectGoneError, _GONE),
    "NoSuchBucket": (ObjectGoneError, "there is no such bucket. Check its name, --profile and --region"),
    "PreconditionFailed": (ObjectChangedError, _CHANGED),
    "412": (ObjectChangedError, _CHANGED),
    "AccessDenied": (AccessDeniedError, _DENIED),
    "AccessDeniedException": (AccessDeniedError, _DENIED),
    "403": (AccessDeniedError, f"{_DENIED}. If it is allowed: {_WRONG}"),
    "InvalidObjectState": (ObjectFrozenError, "it is in an archive storage class. Restore it first"),
    "ExpiredToken": (AccessDeniedError, _EXPIRED),
    "ExpiredTokenException": (AccessDeniedError, _EXPIRED),
    "TokenRefreshRequired": (AccessDeniedError, _EXPIRED),
    "InvalidToken": (AccessDeniedError, _WRONG),
    "InvalidAccessKeyId": (AccessDeniedError, _WRONG),
    "InvalidClientTokenId": (AccessDeniedError, _WRONG),
    "UnrecognizedClientException": (AccessDeniedError, _WRONG),
    "SignatureDoesNotMatch": (AccessDeniedError, f"the secret key is wrong. Check --profile. {_WHO}"),
    "RequestTimeTooSkewed": (AccessDeniedError, "the clock of this machine is wrong. Set it, and run again"),
    "400": (
        AccessDeniedError,
        "the request was refused without a reason. Most often the credentials have expired, or the bucket is "
        f"in another Region (--region). {_WHO}",
    ),
    "301": (AccessDeniedError, _REGION),
    "PermanentRedirect": (AccessDeniedError, _REGION),
    "AuthorizationHeaderMalformed": (AccessDeniedError, _REGION),
    "IllegalLocationConstraintException": (AccessDeniedError, _REGION),
}
_LOCAL_ERRORS: dict[type[BotoCoreError], str] = {
    botocore.NoCredentialsError: "Sign in, or name a profile with --profile",
    botocore.PartialCredentialsError: "Check the profile",
    botocore.UnauthorizedSSOTokenError: _SIGN_IN,
    botocore.SSOTokenLoadError: _SIGN_IN,
    botocore.TokenRetrievalError: _SIGN_IN,
    botocore.ProfileNotFound: "To see the profiles: aws configure list-profiles",
    botocore.NoRegionError: "Name the Region with --region",
    botocore.EndpointConnectionError: "Check --region, the network and AWS_ENDPOINT_URL",
}


def error_code(error: ClientError) -> str:
    """Return the service's error code; for HEAD, which has no body, the HTTP status as text."""
    return str(error.response.get("Error", {}).get("Code", ""))


def translate_error(error: BotoCoreError | ClientError, what: str, action: str = "") -> ReplayError:
    """Return an error of a call as one of ours, with what to do about it.

    `what` names the object; `action` is the permission that the call takes.
    """
    if not isinstance(error, ClientError):
        hint = next((text for kind, text in _LOCAL_ERRORS.items() if isinstance(error, kind)), "")
        return ObjectError(f"{what}: {str(error).removesuffix('.')}" + (f". {hint}" if hint else ""))
    code = error_code(error)
    if code in _ERRORS:
        kind, text = _ERRORS[code]
        return kind(f"{what}: {text.format(action=action or error.operation_name)}")
    message = error.response.get("Error", {}).get("Message", "no message")
    return ObjectError(f"{what}: {error.operation_name} was refused with {code}: {message}")
