"""AWS's errors in words: what is wrong with the credentials, the Region or the name, and what to do."""

import pytest
from botocore import exceptions as botocore

from tests.fakes import client_error
from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.errors import AccessDeniedError, ObjectError, ObjectGoneError, ReplayError


@pytest.mark.parametrize(
    ("code", "status", "kind", "text"),
    [
        ("ExpiredToken", 400, AccessDeniedError, "the credentials have expired. Sign in again"),
        ("ExpiredTokenException", 400, AccessDeniedError, "aws sso login"),
        ("400", 400, AccessDeniedError, "Most often the credentials have expired"),
        ("InvalidAccessKeyId", 403, AccessDeniedError, "Check --profile"),
        ("InvalidClientTokenId", 403, AccessDeniedError, "aws sts get-caller-identity"),
        ("SignatureDoesNotMatch", 403, AccessDeniedError, "the secret key is wrong"),
        ("RequestTimeTooSkewed", 403, AccessDeniedError, "the clock of this machine"),
        ("403", 403, AccessDeniedError, "Allow s3:GetObject on it"),
        ("301", 301, AccessDeniedError, "in another Region. Name it with --region"),
        ("PermanentRedirect", 301, AccessDeniedError, "get-bucket-location"),
        ("NoSuchBucket", 404, ObjectGoneError, "there is no such bucket"),
        ("SlowDown", 503, ObjectError, "HeadObject was refused with SlowDown: SlowDown on demand"),
    ],
)
def test_an_error_of_the_service_says_what_to_do(
    code: str, status: int, kind: type[ReplayError], text: str
) -> None:
    found = translate_error(client_error(code, "HeadObject", status), "s3://b/k", "s3:GetObject")

    assert type(found) is kind
    assert str(found).startswith("s3://b/k: ")
    assert text in str(found)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (botocore.NoCredentialsError(), "Sign in, or name a profile with --profile"),
        (botocore.ProfileNotFound(profile="nobody"), "nobody"),
        (botocore.ProfileNotFound(profile="nobody"), "aws configure list-profiles"),
        (botocore.NoRegionError(), "Name the Region with --region"),
        (botocore.UnauthorizedSSOTokenError(), "aws sso login"),
        (botocore.EndpointConnectionError(endpoint_url="http://x"), "AWS_ENDPOINT_URL"),
        (botocore.ReadTimeoutError(endpoint_url="http://x"), "Read timeout"),
    ],
)
def test_an_error_before_the_service_says_what_to_do(error: botocore.BotoCoreError, text: str) -> None:
    assert text in str(translate_error(error, "AWS"))
