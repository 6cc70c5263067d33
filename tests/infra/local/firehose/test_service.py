"""The operations of the Firehose: streams, puts, updates and their refusals."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.fakes import FakeKinesis, FakeS3, client_error
from tests.streams import (
    FUNCTION_ARN,
    KINESIS_ARN,
    ROLE,
    START,
    Bench,
    answer_all,
    bench,
    kinesis_source,
    lambda_processing,
    partitioned,
    s3,
)
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.description import DESTINATION_ID
from ttl_archive.infra.local.firehose.managed_stream import NOT_PERMITTED
from ttl_archive.infra.local.firehose.puts import throttled
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.infra.local.firehose.service_error import ServiceError


def direct_put() -> Bench:
    made = bench()
    made.create()
    return made


def put_batch(made: Bench, *data: Any) -> dict[str, Any]:
    return made.firehose.put_record_batch(DeliveryStreamName="d", Records=[{"Data": item} for item in data])


def update(made: Bench, version: str = "1", **members: Any) -> None:
    made.firehose.update_destination(
        DeliveryStreamName="d",
        CurrentDeliveryStreamVersionId=version,
        DestinationId=DESTINATION_ID,
        ExtendedS3DestinationUpdate=members,
    )


def described(made: Bench) -> dict[str, Any]:
    description: dict[str, Any] = made.firehose.describe_delivery_stream(DeliveryStreamName="d")[
        "DeliveryStreamDescription"
    ]
    return description


def destination(made: Bench) -> dict[str, Any]:
    extended: dict[str, Any] = described(made)["Destinations"][0]["ExtendedS3DestinationDescription"]
    return extended


# Create, describe, list, delete


def test_create_returns_the_arn() -> None:
    answer = bench(region="eu-west-1").firehose.create_delivery_stream(
        DeliveryStreamName="d", ExtendedS3DestinationConfiguration=s3()
    )

    assert answer == {"DeliveryStreamARN": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/d"}


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ServiceError, match="ResourceInUseException: Firehose d under accountId 123456789012"):
        direct_put().create()


def test_a_name_is_needed() -> None:
    with pytest.raises(ServiceError, match="Value null at 'deliveryStreamName' failed"):
        bench().firehose.create_delivery_stream(ExtendedS3DestinationConfiguration=s3())


def test_what_is_not_emulated_is_refused_at_creation() -> None:
    processing = {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}

    with pytest.raises(ServiceError, match="does not emulate the processor type AppendDelimiterToRecord"):
        bench().create(ProcessingConfiguration=processing)


def test_a_kinesis_source_needs_a_client() -> None:
    firehose = Firehose(s3=FakeS3(), functions={}, clock=Clock(START))

    with pytest.raises(ServiceError, match=r"Firehose\(kinesis="):
        firehose.create_delivery_stream(
            DeliveryStreamName="d", ExtendedS3DestinationConfiguration=s3(), **kinesis_source()
        )


def test_a_kinesis_stream_that_does_not_exist_is_an_invalid_argument() -> None:
    class NoStream(FakeKinesis):
        def list_shards(self, **request: Any) -> dict[str, Any]:
            raise client_error("ResourceNotFoundException", "ListShards")

    made = bench(kinesis=NoStream())

    with pytest.raises(ServiceError, match=f"InvalidArgumentException: {KINESIS_ARN} cannot be read"):
        made.create({"ExtendedS3DestinationConfiguration": s3()} | kinesis_source())


def test_describe_fills_in_the_defaults() -> None:
    description = described(direct_put())

    assert description["DeliveryStreamType"] == "DirectPut"
    assert description["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}
    assert (description["VersionId"], description["CreateTimestamp"]) == ("1", START)
    assert description["Destinations"][0]["ExtendedS3DestinationDescription"] == s3(
        BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 300},
        CompressionFormat="UNCOMPRESSED",
        EncryptionConfiguration={"NoEncryptionConfig": "NoEncryption"},
        CloudWatchLoggingOptions={"Enabled": False},
        S3BackupMode="Disabled",
    )


def test_neither_the_request_nor_a_description_can_change_a_stream_afterwards() -> None:
    made = bench()
    request = s3(BufferingHints={"SizeInMBs": 7, "IntervalInSeconds": 60})
    made.create({"ExtendedS3DestinationConfiguration": request})
    request["BufferingHints"]["SizeInMBs"] = 8
    destination(made)["BufferingHints"]["SizeInMBs"] = 9

    assert destination(made)["BufferingHints"]["SizeInMBs"] == 7


def test_describe_shows_a_lambda_processor_with_its_defaults_in_order() -> None:
    made = bench()
    made.create(ProcessingConfiguration=lambda_processing(BufferIntervalInSeconds="70", BufferSizeInMBs="2"))
    (processor,) = destination(made)["ProcessingConfiguration"]["Processors"]

    assert [(p["ParameterName"], p["ParameterValue"]) for p in processor["Parameters"]] == [
        ("LambdaArn", FUNCTION_ARN),
        ("NumberOfRetries", "3"),
        ("RoleArn", ROLE),
        ("BufferSizeInMBs", "2"),
        ("BufferIntervalInSeconds", "70"),
    ]


def test_describe_shows_a_disabled_processor_of_another_type_as_it_was_given() -> None:
    made = bench()
    processing = {"Enabled": False, "Processors": [{"Type": "AppendDelimiterToRecord"}]}
    made.create(ProcessingConfiguration=processing)

    assert destination(made)["ProcessingConfiguration"] == processing


def test_describe_shows_a_kinesis_source_and_a_backup() -> None:
    made = bench()
    backup = {"BucketARN": "arn:aws:s3:::backup", "RoleARN": ROLE}
    members = s3(S3BackupMode="Enabled", S3BackupConfiguration=backup)
    made.create({"ExtendedS3DestinationConfiguration": members} | kinesis_source())

    assert described(made)["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"] == KINESIS_ARN
    assert destination(made)["S3BackupDescription"]["BucketARN"] == "arn:aws:s3:::backup"
    assert "S3BackupConfiguration" not in destination(made)


def test_the_older_s3_destination_works() -> None:
    made = bench()
    made.create({"S3DestinationConfiguration": s3(Prefix="raw/")})
    made.deliver(b"x")

    assert made.s3.bodies("raw/2026/09/10/14/") == b"x"
    assert list(described(made)["Destinations"][0]) == ["DestinationId", "S3DestinationDescription"]


def test_list_is_alphabetical_and_paged() -> None:
    made = bench()
    for name in ("b", "c", "a"):
        made.firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=s3())

    listed = made.firehose.list_delivery_streams

    assert listed() == {"DeliveryStreamNames": ["a", "b", "c"], "HasMoreDeliveryStreams": False}
    assert listed(Limit=2) == {"DeliveryStreamNames": ["a", "b"], "HasMoreDeliveryStreams": True}
    assert listed(ExclusiveStartDeliveryStreamName="b")["DeliveryStreamNames"] == ["c"]
    assert listed(DeliveryStreamType="KinesisStreamAsSource")["DeliveryStreamNames"] == []


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("describe_delivery_stream", {}),
        ("delete_delivery_stream", {}),
        ("put_record", {"Record": {"Data": b""}}),
        ("put_record_batch", {"Records": [{"Data": b""}]}),
        ("update_destination", {"CurrentDeliveryStreamVersionId": "1", "DestinationId": DESTINATION_ID}),
    ],
)
def test_an_unknown_stream_is_not_found(operation: str, members: dict[str, Any]) -> None:
    with pytest.raises(ServiceError) as caught:
        getattr(bench().firehose, operation)(DeliveryStreamName="x", **members)

    assert caught.value.code == "ResourceNotFoundException"
    assert caught.value.message == "Firehose x under account 123456789012 not found."


def test_delete_forgets_the_stream_and_what_it_had_buffered() -> None:
    made = direct_put()
    made.put(b"x")
    made.firehose.delete_delivery_stream(DeliveryStreamName="d")
    made.firehose.flush()

    assert made.s3.objects == {}
    assert made.firehose.list_delivery_streams()["DeliveryStreamNames"] == []


# Puts


def test_put_record_returns_an_id() -> None:
    answer = direct_put().firehose.put_record(DeliveryStreamName="d", Record={"Data": b"x"})

    assert (bool(answer["RecordId"]), answer["Encrypted"]) == (True, False)


def test_put_record_batch_answers_each_entry_in_order() -> None:
    answer = put_batch(direct_put(), b"a", b"b")

    assert answer["FailedPutCount"] == 0
    assert len({entry["RecordId"] for entry in answer["RequestResponses"]}) == 2


@pytest.mark.parametrize("data", [b"text", bytearray(b"text"), "text", io.BytesIO(b"text")])
def test_data_may_be_any_blob_boto3_takes(data: Any) -> None:
    made = direct_put()
    made.firehose.put_record(DeliveryStreamName="d", Record={"Data": data})
    made.firehose.flush()

    assert made.s3.bodies() == b"text"


def test_what_was_put_cannot_be_changed_afterwards() -> None:
    made = direct_put()
    data = bytearray(b"before")
    made.firehose.put_record(DeliveryStreamName="d", Record={"Data": data})
    data[:] = b"after!"
    made.firehose.flush()

    assert made.s3.bodies() == b"before"


def test_an_unknown_member_of_a_record_is_refused() -> None:
    with pytest.raises(ServiceError, match=r"Unknown parameter in Records\[0\]"):
        direct_put().firehose.put_record_batch(
            DeliveryStreamName="d", Records=[{"Data": b"x", "PartitionKey": "k"}]
        )


def test_empty_data_is_allowed_by_the_model() -> None:
    made = direct_put()
    made.deliver(b"", b"x")

    assert (made.s3.bodies(), made.firehose.counts("d").delivered) == (b"x", 2)


@pytest.mark.parametrize(
    ("message", "data"),
    [
        ("'record.data' failed to satisfy constraint: Member must have length less than or equal to 1024000",
         b"x" * 1_024_001),
        ("'record.data' failed to satisfy constraint: Member must have length less", "é" * 512_001),
        ("Invalid type for parameter Record.Data", None),
        ("Invalid type for parameter Record.Data", 7),
    ],
)  # fmt: skip
def test_a_record_that_is_too_large_or_no_blob_is_refused(message: str, data: Any) -> None:
    made = direct_put()

    with pytest.raises(ServiceError) as caught:
        made.firehose.put_record(DeliveryStreamName="d", Record={"Data": data})

    assert caught.value.code == "ValidationException"
    assert message in caught.value.message
    assert made.firehose.counts("d").received == 0


@pytest.mark.parametrize("request_members", [{}, {"Record": {}}, {"Record": None}, {"Record": b"x"}])
def test_a_put_without_a_record_is_refused(request_members: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="ValidationException"):
        direct_put().firehose.put_record(DeliveryStreamName="d", **request_members)


@pytest.mark.parametrize("records", [[], [{"Data": b"x"}] * 501, None, "x", [b"x"]])
def test_a_batch_has_1_to_500_records(records: Any) -> None:
    with pytest.raises(ServiceError, match="ValidationException"):
        direct_put().firehose.put_record_batch(DeliveryStreamName="d", Records=records)


def test_a_batch_of_500_records_is_taken() -> None:
    assert len(put_batch(direct_put(), *[b"x"] * 500)["RequestResponses"]) == 500


def test_a_batch_of_more_than_4_mib_is_refused_as_a_whole() -> None:
    made = direct_put()
    most = [bytes(1024 * 1000)] * 4 + [bytes(98_304)]

    put_batch(made, *most)
    with pytest.raises(ServiceError, match="InvalidArgumentException: Records size exceeds 4 MB limit"):
        put_batch(made, *most, b"x")

    assert made.firehose.counts("d").received == 5


def test_a_put_on_a_kinesis_source_is_refused_in_aws_words() -> None:
    made = bench()
    made.create({"ExtendedS3DestinationConfiguration": s3()} | kinesis_source())

    assert NOT_PERMITTED == "This operation is not permitted on KinesisStreamAsSource delivery stream type."
    for put in (lambda: made.put(b"x"), lambda: put_batch(made, b"x")):
        with pytest.raises(ServiceError) as caught:
            put()
        assert (caught.value.code, caught.value.message) == ("InvalidArgumentException", NOT_PERMITTED)


# Puts that fail on demand


def test_entries_can_be_refused_and_the_others_are_taken() -> None:
    made = direct_put()
    made.firehose.before_put = lambda name, data: {1: "ServiceUnavailableException"}
    answer = put_batch(made, b"a", b"b", b"c")
    made.firehose.flush()

    assert answer["FailedPutCount"] == 1
    assert answer["RequestResponses"][1] == {
        "ErrorCode": "ServiceUnavailableException",
        "ErrorMessage": "Slow down.",
    }
    assert made.s3.bodies() == b"ac"


def test_a_call_can_be_throttled_and_takes_nothing() -> None:
    def throttle(name: str, data: Any) -> dict[int, str]:
        raise throttled()

    made = direct_put()
    made.firehose.before_put = throttle
    for put in (lambda: made.put(b"x"), lambda: put_batch(made, b"x")):
        with pytest.raises(ServiceError, match="ServiceUnavailableException: Slow down"):
            put()

    assert made.firehose.counts("d").received == 0


def test_a_refused_single_record_is_an_error_of_the_call() -> None:
    made = bench(before_put=lambda name, data: {0: "InternalFailure"})
    made.create()

    with pytest.raises(ServiceError, match="InternalFailure"):
        made.put(b"x")


def test_the_hook_sees_the_stream_and_the_data() -> None:
    seen: list[Any] = []

    def see(name: str, data: Any) -> dict[int, str]:
        seen.append((name, list(data)))
        return {7: "InternalFailure"}  # there is no such entry

    made = bench(before_put=see)
    made.create()
    answer = put_batch(made, b"a", b"b")

    assert seen == [("d", [b"a", b"b"])]
    assert answer["FailedPutCount"] == 0


# Update


def test_an_update_merges_and_counts_the_version() -> None:
    made = bench()
    made.create(Prefix="raw/", CompressionFormat="GZIP")
    made.clock.advance(hours=1)
    update(made, Prefix="cooked/")
    made.deliver(b"x")

    assert (destination(made)["Prefix"], destination(made)["CompressionFormat"]) == ("cooked/", "GZIP")
    assert described(made)["VersionId"] == "2"
    assert described(made)["LastUpdateTimestamp"] == made.clock.now()
    assert made.s3.listed("cooked/2026/09/10/15/d-2-") != []


def test_what_was_buffered_before_an_update_is_delivered_as_it_was_configured() -> None:
    made = bench()
    made.create(Prefix="raw/")
    made.put(b"a")
    made.firehose.poll()
    update(made, Prefix="cooked/")
    made.deliver(b"b")

    assert (made.s3.bodies("raw/"), made.s3.bodies("cooked/")) == (b"a", b"b")


def test_an_update_replaces_processing_as_a_whole() -> None:
    made = bench(lambda event: answer_all(event, data="b3V0"))
    made.create(ProcessingConfiguration=lambda_processing(NumberOfRetries="7"))
    made.put(b"a")
    made.firehose.poll()
    update(made, ProcessingConfiguration={"Enabled": False})
    made.deliver(b"b")

    assert destination(made)["ProcessingConfiguration"] == {"Enabled": False, "Processors": []}
    assert sorted(made.s3.bodies()) == sorted(b"ab")
    assert made.events == []


def test_an_update_merges_the_backup() -> None:
    made = bench()
    made.create(
        S3BackupMode="Enabled",
        S3BackupConfiguration={"BucketARN": "arn:aws:s3:::backup", "RoleARN": ROLE},
    )
    update(made, S3BackupUpdate={"Prefix": "source/"})

    assert destination(made)["S3BackupDescription"]["Prefix"] == "source/"
    assert destination(made)["S3BackupDescription"]["BucketARN"] == "arn:aws:s3:::backup"


def test_an_update_of_another_version_is_a_concurrent_modification() -> None:
    with pytest.raises(ServiceError, match="ConcurrentModificationException"):
        update(direct_put(), version="2", Prefix="x/")


def test_an_update_of_another_destination_is_refused() -> None:
    with pytest.raises(ServiceError, match="DestinationId destinationId-2 not found"):
        direct_put().firehose.update_destination(
            DeliveryStreamName="d", CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-2"
        )


@pytest.mark.parametrize(
    "members",
    [{}, {"S3DestinationUpdate": {}}, {"S3DestinationUpdate": {}, "ExtendedS3DestinationUpdate": {}}],
)
def test_an_update_is_one_of_the_kind_that_was_created(members: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="Give one update, of the kind that was created"):
        direct_put().firehose.update_destination(
            DeliveryStreamName="d",
            CurrentDeliveryStreamVersionId="1",
            DestinationId=DESTINATION_ID,
            **members,
        )


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("cannot be turned on or off later", partitioned(),
         {"DynamicPartitioningConfiguration": {"Enabled": False}, "Prefix": "raw/"}),
        ("cannot be turned on or off later", s3(),
         {key: partitioned()[key] for key in
          ("Prefix", "ErrorOutputPrefix", "ProcessingConfiguration", "DynamicPartitioningConfiguration")}),
        ("S3BackupMode cannot be disabled", s3(S3BackupMode="Enabled", S3BackupConfiguration=s3()),
         {"S3BackupMode": "Disabled"}),
        ("ErrorOutputPrefix cannot be null", s3(), {"Prefix": "!{timestamp:yyyy}/"}),
        ("does not emulate the processor type", s3(),
         {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}}),
    ],
)  # fmt: skip
def test_a_refused_update_changes_nothing(rule: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    made = bench()
    made.create({"ExtendedS3DestinationConfiguration": before})
    made.firehose.poll()
    unchanged = described(made)

    with pytest.raises(ServiceError, match=rule):
        update(made, **after)

    assert described(made) == unchanged
