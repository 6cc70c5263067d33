"""F. What the pipeline needs of S3: archived objects, lifecycle, conditional writes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.cases import assert_refusal, case, not_verified
from tests.conformance.endpoint import Endpoint

NOT_VALID = "The operation is not valid for the object's storage class"
RULE = {
    "ID": "r",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}],
}


@pytest.fixture(scope="module")
def bucket(aws: Endpoint) -> str:
    return aws.bucket()


def archived(aws: Endpoint, bucket: str, storage_class: str) -> dict[str, str]:
    """An object of a storage class: the members that name it."""
    named = {"Bucket": bucket, "Key": aws.name("object")}
    aws.client("s3").put_object(**named, Body=b"x", StorageClass=storage_class)
    return named


def restore(aws: Endpoint, named: dict[str, str], tier: str = "Expedited") -> int:
    request = {"Days": 1, "GlacierJobParameters": {"Tier": tier}}
    answer = aws.client("s3").restore_object(**named, RestoreRequest=request)
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def get_error(aws: Endpoint, bucket: str, storage_class: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        aws.client("s3").get_object(**archived(aws, bucket, storage_class))
    error = caught.value.response["Error"]
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return {**error, "Status": status}


@case("F01a", "R", "LS-s3")
def test_F01a_get_of_glacier(aws: Endpoint, bucket: str) -> None:
    error = get_error(aws, bucket, "GLACIER")

    assert (error["Status"], error["Code"], error["Message"]) == (403, "InvalidObjectState", NOT_VALID)
    assert error["StorageClass"] == "GLACIER"


@case("F01b", "R", "LS-s3")
def test_F01b_get_of_deep_archive(aws: Endpoint, bucket: str) -> None:
    error = get_error(aws, bucket, "DEEP_ARCHIVE")

    assert (error["Status"], error["Code"], error["Message"]) == (403, "InvalidObjectState", NOT_VALID)
    assert error["StorageClass"] == "DEEP_ARCHIVE"


@case("F02a", "R", "LS-s3")
def test_F02a_restore(aws: Endpoint, bucket: str) -> None:
    assert restore(aws, archived(aws, bucket, "GLACIER")) == 202


@case("F02b", "D", "BC-s3")
def test_F02b_restore_while_it_runs(aws: Endpoint, bucket: str) -> None:
    named = archived(aws, bucket, "GLACIER")
    restore(aws, named)

    with pytest.raises(ClientError) as caught:
        restore(aws, named)
    assert caught.value.response["Error"]["Code"] == "RestoreAlreadyInProgress"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


@case("F02c", "D", "BC-s3")
def test_F02c_restore_after_it(aws: Endpoint, bucket: str) -> None:
    if aws.services is None:
        not_verified("a retrieval takes minutes to hours")
    named = archived(aws, bucket, "GLACIER")
    restore(aws, named)
    aws.services.clock.advance(hours=1)

    assert restore(aws, named) == 200


@case("F02d", "D", "BC-s3, S3U")
def test_F02d_expedited_of_deep_archive(aws: Endpoint, bucket: str) -> None:
    with pytest.raises(ClientError):
        restore(aws, archived(aws, bucket, "DEEP_ARCHIVE"), "Expedited")


@case("F03", "R", "getmoto/moto #4670")
def test_F03_restore_of_standard(aws: Endpoint, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        restore(aws, archived(aws, bucket, "STANDARD"))

    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "InvalidObjectState",
        "Restore is not allowed for the object's current storage class",
    )


def lifecycle_size(aws: Endpoint, **given: str) -> str:
    bucket, s3 = aws.bucket(), aws.client("s3")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [RULE]}, **given)
    answer = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    size: str = answer["TransitionDefaultMinimumObjectSize"]
    return size


@case("F04a", "R", "LS-s3")
def test_F04a_the_minimum_size_is_kept(aws: Endpoint) -> None:
    size = "varies_by_storage_class"

    assert lifecycle_size(aws, TransitionDefaultMinimumObjectSize=size) == size


@case("F04b", "R", "LS-s3")
def test_F04b_the_default_minimum_size(aws: Endpoint) -> None:
    assert lifecycle_size(aws) == "all_storage_classes_128K"


@case("F04c", "R", "LS-s3")
def test_F04c_another_minimum_size(aws: Endpoint) -> None:
    refusal = aws.refusal(
        "put_bucket_lifecycle_configuration",
        service="s3",
        Bucket=aws.bucket(),
        LifecycleConfiguration={"Rules": [RULE]},
        TransitionDefaultMinimumObjectSize="value",
    )

    assert_refusal(refusal, "InvalidRequest", "Invalid TransitionDefaultMinimumObjectSize found: value")


@case("F05", "R", "LS-s3")
def test_F05_no_lifecycle(aws: Endpoint) -> None:
    refusal = aws.refusal("get_bucket_lifecycle_configuration", service="s3", Bucket=aws.bucket())

    assert_refusal(refusal, "NoSuchLifecycleConfiguration")


@case("F06a", "D", "S3U")
def test_F06a_put_of_a_key_that_exists(aws: Endpoint, bucket: str) -> None:
    named = archived(aws, bucket, "STANDARD")

    assert_refusal(
        aws.refusal("put_object", service="s3", **named, Body=b"y", IfNoneMatch="*"), "PreconditionFailed"
    )


@case("F06b", "D", "S3U")
def test_F06b_delete_of_another_version(aws: Endpoint, bucket: str) -> None:
    named = archived(aws, bucket, "STANDARD")

    assert_refusal(
        aws.refusal("delete_object", service="s3", **named, IfMatch='"0123456789abcdef0123456789abcdef"'),
        "PreconditionFailed",
    )
