"""Dynamic partitioning with keys from the function: partitions, their limit, and keys that are unusable."""

from __future__ import annotations

from typing import Any

import pytest

from tests.streams import answer_all, bench, lambda_processing, partitioned
from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.infra.local.firehose.partitioning import partition
from ttl_archive.infra.local.firehose.processing import Failed, Transformed
from ttl_archive.infra.local.firehose.source import SourceRecord


def by_first_character(event: dict[str, Any]) -> dict[str, Any]:
    """Partition by the first base64 character of the data."""
    return {
        "records": [
            {"recordId": r["recordId"], "result": "Ok", "data": r["data"],
             "metadata": {"partitionKeys": {"dt": r["data"][0]}}}
            for r in event["records"]
        ]
    }  # fmt: skip


def test_each_partition_has_its_own_object() -> None:
    made = bench(by_first_character)
    made.create({"ExtendedS3DestinationConfiguration": partitioned()})
    made.deliver(b"a1", b"\x00", b"a2")

    assert [made.s3.bodies("archive/dt=Y/"), made.s3.bodies("archive/dt=A/")] == [b"a1a2", b"\x00"]


def test_partitions_buffer_apart_from_each_other() -> None:
    made = bench(by_first_character)
    made.create({"ExtendedS3DestinationConfiguration": partitioned(
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60},
        ProcessingConfiguration=lambda_processing(BufferSizeInMBs="1", BufferIntervalInSeconds="0"),
    )})  # fmt: skip
    made.put(b"a")
    made.firehose.poll()
    made.clock.advance(seconds=30)
    made.put(b"\x00")
    made.firehose.poll()
    made.clock.advance(seconds=30)
    made.firehose.poll()

    assert made.s3.bodies("archive/") == b"a"


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"partitionKeys": {}},
        {"partitionKeys": {"other": "x"}},
        {"partitionKeys": {"dt": ""}},
        {"partitionKeys": {"dt": None}},
        {"partitionKeys": {"dt": 20260102}},
        {"partitionKeys": {"dt": "x", "other": ""}},
        {"partitionKeys": ["dt"]},
    ],
)
def test_unusable_partition_keys_send_the_record_to_the_error_prefix(metadata: Any) -> None:
    made = bench(lambda event: answer_all(event, metadata=metadata))
    made.create({"ExtendedS3DestinationConfiguration": partitioned()})
    made.deliver(b"in")

    (line,) = made.errors("errors/metadata-extraction-failed/")
    assert line["errorCode"] == "DynamicPartitioning.MetadataExtractionFailed"
    assert line["errorMessage"] == "partitionKeys values must not be null or empty"
    assert line["rawData"] == "aW4="
    assert made.s3.listed("archive") == []


def test_a_lone_surrogate_cannot_stand_in_a_key() -> None:
    transformed = Transformed(SourceRecord("id", b"x", 0), b"x", {"dt": "\ud800"})
    found = partition(transformed, prefixes.parse_prefix("!{partitionKeyFromLambda:dt}/", "Prefix"))

    assert isinstance(found, Failed)
    assert found.error_code == "DynamicPartitioning.MetadataExtractionFailed"


def test_a_prefix_that_partition_keys_make_too_long_is_an_error_of_that_record() -> None:
    made = bench(lambda event: answer_all(event, metadata={"partitionKeys": {"dt": "x" * 501}}))
    made.create({"ExtendedS3DestinationConfiguration": partitioned()})
    made.deliver(b"in")

    (line,) = made.errors("errors/metadata-extraction-failed/")
    assert "512" in line["errorMessage"]


def test_a_partition_over_the_limit_is_an_error_until_another_is_delivered() -> None:
    made = bench(by_first_character, active_partitions_limit=1)
    made.create({"ExtendedS3DestinationConfiguration": partitioned()})
    made.deliver(b"a", b"\x00", b"a")

    (line,) = made.errors("errors/activePartitionExceeded/")
    assert line["errorCode"] == "DynamicPartitioning.ActivePartitionsLimitExceeded"
    assert made.s3.bodies("archive/") == b"aa"

    made.deliver(b"\x00")

    assert made.s3.bodies("archive/dt=A/") == b"\x00"


def test_500_partitions_may_be_active() -> None:
    numbers = iter(range(1000))
    made = bench(
        lambda event: {"records": [
            {"recordId": r["recordId"], "result": "Ok", "data": r["data"],
             "metadata": {"partitionKeys": {"dt": str(next(numbers))}}} for r in event["records"]]}
    )  # fmt: skip
    made.create({"ExtendedS3DestinationConfiguration": partitioned()})
    made.deliver(*[b"x"] * 501)

    assert made.firehose.counts("d").objects == {"data": 500, "error": 1, "backup": 0}


@pytest.mark.parametrize(
    ("folder", "date_after_expressions"),
    [("archive/dt=x/d-1-", False), ("archive/dt=x/2026/09/10/14/d-1-", True)],
)
def test_the_date_after_a_prefix_of_partition_keys_is_an_option(
    folder: str, date_after_expressions: bool
) -> None:
    made = bench(
        lambda event: answer_all(event, metadata={"partitionKeys": {"dt": "x"}}),
        date_after_expressions=date_after_expressions,
    )
    made.create({"ExtendedS3DestinationConfiguration": partitioned()})
    made.deliver(b"in")

    assert made.s3.bodies(folder) == b"in"
