from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.local.s3.proxy import Fault, S3Proxy

START = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.client("s3").create_bucket(Bucket="bucket")
        yield emulator


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def proxy(emulator: Emulator, clock: Clock) -> Iterator[S3Proxy]:
    with S3Proxy(emulator.port, clock) as proxy:
        yield proxy


@pytest.fixture
def s3(emulator: Emulator, proxy: S3Proxy) -> Any:
    return emulator.client("s3", endpoint_url=proxy.url, retries={"max_attempts": 0})


def put(s3: Any, key: str, body: bytes = b"body", **members: Any) -> None:
    s3.put_object(Bucket="bucket", Key=key, Body=body, **members)


def get(s3: Any, key: str) -> bytes:
    return s3.get_object(Bucket="bucket", Key=key)["Body"].read()


def code_of(caught: Any) -> tuple[int, str]:
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def freeze(emulator: Emulator, key: str, storage_class: str = "GLACIER") -> None:
    source = {"Bucket": "bucket", "Key": key}
    emulator.client("s3").copy_object(Bucket="bucket", Key=key, CopySource=source, StorageClass=storage_class)


def restore(s3: Any, key: str, tier: str = "Standard", days: int = 1) -> int:
    request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
    answer = s3.restore_object(Bucket="bucket", Key=key, RestoreRequest=request)
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def test_objects_pass_unchanged_whatever_their_key_and_size(s3: Any) -> None:
    body = bytes(range(256)) * 8000
    put(s3, "a b/ü+?&%20.gz", body, ContentEncoding="gzip", Metadata={"m": "1"})

    got = s3.get_object(Bucket="bucket", Key="a b/ü+?&%20.gz")
    assert got["Body"].read() == body
    assert (got["ContentEncoding"], got["Metadata"]) == ("gzip", {"m": "1"})
    listed = s3.list_objects_v2(Bucket="bucket", Prefix="a b/")["Contents"]
    assert [entry["Key"] for entry in listed] == ["a b/ü+?&%20.gz"]
    head = s3.head_object(Bucket="bucket", Key="a b/ü+?&%20.gz")
    assert head["ContentLength"] == len(body)


def test_parts_of_objects_errors_and_deletes_pass_too(s3: Any) -> None:
    put(s3, "part", b"0123456789")

    ranged = s3.get_object(Bucket="bucket", Key="part", Range="bytes=2-4")
    assert ranged["Body"].read() == b"234"
    s3.delete_object(Bucket="bucket", Key="part")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="bucket", Key="part")


def test_a_put_waits_for_no_continue(s3: Any) -> None:
    """boto3 sends "Expect: 100-continue" and would wait a second for the answer."""
    before = datetime.now(UTC)
    put(s3, "quick", b"x" * 1_000_000)

    assert (datetime.now(UTC) - before).total_seconds() < 0.9


def test_an_object_was_created_when_the_clock_said_so(
    s3: Any, emulator: Emulator, proxy: S3Proxy, clock: Clock
) -> None:
    put(s3, "timed")
    clock.advance(days=1)
    freeze(emulator, "timed")
    s3.put_object_tagging(Bucket="bucket", Key="timed", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})

    assert proxy.created("bucket", "timed") == START
    assert proxy.created("bucket", "never-put") is None
    put(s3, "timed")
    assert proxy.created("bucket", "timed") == clock.now()
    s3.delete_object(Bucket="bucket", Key="timed")
    assert proxy.created("bucket", "timed") is None


def test_an_archived_object_is_readable_between_its_restore_and_its_expiry(
    s3: Any, emulator: Emulator, clock: Clock
) -> None:
    put(s3, "cold", b"frozen")
    freeze(emulator, "cold")

    def refused() -> bool:
        with pytest.raises(ClientError) as caught:
            get(s3, "cold")
        return code_of(caught) == (403, "InvalidObjectState")

    def restore_header() -> str | None:
        return s3.head_object(Bucket="bucket", Key="cold").get("Restore")

    assert refused()
    assert restore_header() is None
    assert restore(s3, "cold") == 202
    assert refused()
    assert restore_header() == 'ongoing-request="true"'
    clock.advance(hours=5)
    assert get(s3, "cold") == b"frozen"
    assert restore_header() == 'ongoing-request="false", expiry-date="Tue, 03 Mar 2026 00:00:00 GMT"'
    assert restore(s3, "cold", days=2) == 200
    clock.advance(days=4)
    assert refused()
    assert restore_header() is None
    assert s3.head_object(Bucket="bucket", Key="cold")["StorageClass"] == "GLACIER"


def test_a_listing_has_the_restore_status_of_each_object_when_asked_for(
    s3: Any, emulator: Emulator, clock: Clock
) -> None:
    for key in ("list/warm", "list/never", "list/ü +&"):
        put(s3, key)
    freeze(emulator, "list/never")
    freeze(emulator, "list/ü +&")

    def statuses(**asked: Any) -> dict[str, Any]:
        listed = s3.list_objects_v2(Bucket="bucket", Prefix="list/", **asked)["Contents"]
        return {entry["Key"]: entry["RestoreStatus"] for entry in listed if "RestoreStatus" in entry}

    asked = {"OptionalObjectAttributes": ["RestoreStatus"]}
    assert statuses(**asked) == {}
    restore(s3, "list/ü +&")
    assert statuses() == {}
    assert statuses(**asked) == {"list/ü +&": {"IsRestoreInProgress": True}}
    clock.advance(hours=5)
    assert statuses(**asked) == {
        "list/ü +&": {
            "IsRestoreInProgress": False,
            "RestoreExpiryDate": datetime(2026, 3, 3, tzinfo=UTC),
        }
    }
    clock.advance(days=4)
    assert statuses(**asked) == {}


@pytest.mark.parametrize(
    ("storage_class", "tier", "code"),
    [
        (None, "Standard", (403, "InvalidObjectState")),
        ("DEEP_ARCHIVE", "Expedited", (400, "InvalidArgument")),
    ],
)
def test_a_restore_that_s3_refuses_is_refused(
    s3: Any, emulator: Emulator, storage_class: str | None, tier: str, code: tuple
) -> None:
    put(s3, "warm")
    if storage_class:
        freeze(emulator, "warm", storage_class)

    with pytest.raises(ClientError) as caught:
        restore(s3, "warm", tier)

    assert code_of(caught) == code


def test_a_second_restore_in_progress_and_one_of_nothing_are_refused(s3: Any, emulator: Emulator) -> None:
    put(s3, "twice")
    freeze(emulator, "twice")
    restore(s3, "twice")

    with pytest.raises(ClientError) as caught:
        restore(s3, "twice")
    assert code_of(caught) == (409, "RestoreAlreadyInProgress")
    with pytest.raises(ClientError) as caught:
        restore(s3, "never-put")
    assert code_of(caught) == (404, "NoSuchKey")


def test_a_restore_without_its_request_is_refused(s3: Any, emulator: Emulator) -> None:
    put(s3, "bare")
    freeze(emulator, "bare")

    with pytest.raises(ClientError) as caught:
        s3.restore_object(Bucket="bucket", Key="bare")

    assert code_of(caught) == (400, "MalformedXML")


def test_an_upload_in_parts_is_created_when_it_is_complete(s3: Any, proxy: S3Proxy, clock: Clock) -> None:
    upload = {"Bucket": "bucket", "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x" * 5_000_000)
    assert proxy.created("bucket", "parts") is None
    clock.advance(hours=1)
    s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )

    assert proxy.created("bucket", "parts") == clock.now()
    assert len(get(s3, "parts")) == 5_000_000


def test_an_object_put_anew_is_warm_and_forgets_its_restore(s3: Any, emulator: Emulator) -> None:
    put(s3, "again", b"old")
    freeze(emulator, "again")
    restore(s3, "again")
    put(s3, "again", b"new")

    assert get(s3, "again") == b"new"
    assert "Restore" not in s3.head_object(Bucket="bucket", Key="again")


def test_faults_strike_the_requests_they_name_and_no_others(s3: Any, proxy: S3Proxy) -> None:
    proxy.faults.append(Fault("PUT", "errors/", skip=1, times=2))
    put(s3, "errors/1")
    put(s3, "archive/1")
    for key in ("errors/2", "errors/3"):
        with pytest.raises(ClientError) as caught:
            put(s3, key)
        assert code_of(caught) == (503, "SlowDown")
    put(s3, "errors/4")

    listed = s3.list_objects_v2(Bucket="bucket", Prefix="errors/")["Contents"]
    assert [entry["Key"] for entry in listed] == ["errors/1", "errors/4"]


def test_a_fault_may_be_any_error_of_s3(s3: Any, proxy: S3Proxy) -> None:
    proxy.faults.append(Fault("GET", status=403, code="AccessDenied"))

    with pytest.raises(ClientError) as caught:
        get(s3, "some")

    assert code_of(caught) == (403, "AccessDenied")


def test_a_truncated_response_ends_at_the_given_byte(s3: Any, proxy: S3Proxy) -> None:
    put(s3, "long", b"x" * 1000)
    proxy.faults.append(Fault("GET", "long", truncate_to=10))

    with pytest.raises(ResponseStreamingError):
        get(s3, "long")
    assert len(get(s3, "long")) == 1000


def test_an_emulator_that_has_ended_is_an_unavailable_service(clock: Clock) -> None:
    with Emulator() as gone:
        port = gone.port
    with S3Proxy(port, clock) as proxy, pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{proxy.url}/bucket/key")

    assert caught.value.code == 503
    assert b"does not answer" in caught.value.read()
    caught.value.close()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}, "varies_by_storage_class"),
        ({}, "all_storage_classes_128K"),
    ],
)
def test_the_minimum_size_of_transitions_is_kept(s3: Any, given: dict[str, str], kept: str) -> None:
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""},
            "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}  # fmt: skip
    put_answer = s3.put_bucket_lifecycle_configuration(
        Bucket="bucket", LifecycleConfiguration={"Rules": [rule]}, **given
    )
    got = s3.get_bucket_lifecycle_configuration(Bucket="bucket")

    assert put_answer["TransitionDefaultMinimumObjectSize"] == kept
    assert got["TransitionDefaultMinimumObjectSize"] == kept


def test_another_minimum_size_is_refused(s3: Any) -> None:
    rule = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}

    with pytest.raises(ClientError, match="Invalid TransitionDefaultMinimumObjectSize found: all"):
        s3.put_bucket_lifecycle_configuration(
            Bucket="bucket",
            LifecycleConfiguration={"Rules": [rule]},
            TransitionDefaultMinimumObjectSize="all",
        )


def test_the_refusal_of_an_archived_object_names_its_storage_class(s3: Any, emulator: Emulator) -> None:
    put(s3, "deep")
    freeze(emulator, "deep", "DEEP_ARCHIVE")

    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="bucket", Key="deep")
    assert caught.value.response["Error"]["StorageClass"] == "DEEP_ARCHIVE"
