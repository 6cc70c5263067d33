"""Error objects: one JSON object a line, with the record as it came."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.streams import FUNCTION_ARN, Bench, answer_all, bench, lambda_processing
from ttl_archive.infra.local.firehose.error_objects import error_line
from ttl_archive.infra.local.firehose.processing import Failed
from ttl_archive.infra.local.firehose.source import KinesisMetadata, SourceRecord

RECORD = SourceRecord("one", b"FAIL this one\n", 1789014240448)


def line(record: SourceRecord = RECORD, **options: Any) -> dict[str, Any]:
    failed = Failed(record, "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
    values: dict[str, Any] = {
        "ended_ms": 1789014301529,
        "lambda_arn": FUNCTION_ARN,
        "lambda_arn_field": "lambdaARN",
    }
    text = error_line(failed, **(values | options))
    assert text.endswith(b"}\n")
    assert text.count(b"\n") == 1
    fields: dict[str, Any] = json.loads(text)
    return fields


def test_a_line_equals_one_captured_from_aws() -> None:
    # FLOCI PR #3393: Direct PUT, us-west-2, 2026-09-10, but for the ARN.
    assert line() == {
        "rawData": "RkFJTCB0aGlzIG9uZQo=",
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "attemptsMade": 1,
        "arrivalTimestamp": 1789014240448,
        "attemptEndingTimestamp": 1789014301529,
        "lambdaARN": FUNCTION_ARN,
    }


def test_the_older_name_of_the_arn_can_be_had() -> None:
    fields = line(lambda_arn_field="lambdaArn")

    assert (fields["lambdaArn"], "lambdaARN" in fields) == (FUNCTION_ARN, False)


def test_a_kinesis_record_adds_its_sequence_number() -> None:
    record = SourceRecord("id", b"x", 1, KinesisMetadata("shardId-000000000000", "496", "pk"))
    fields = line(record)

    assert (fields["sequenceNumber"], fields["subsequenceNumber"]) == ("496", 0)


def failed(**options: Any) -> Bench:
    """Two records that failed on a compressed stream, delivered."""
    made = bench(lambda event: answer_all(event, result="ProcessingFailed"), **options)
    made.create(
        ProcessingConfiguration=lambda_processing(),
        CompressionFormat="GZIP",
        FileExtension=".jsonl.gz",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/",
    )
    made.put(b"a", b"b")
    made.firehose.poll()
    made.clock.advance(seconds=90)
    made.firehose.flush()
    return made


def test_error_objects_are_uncompressed_lines_without_extension() -> None:
    made = failed()
    (key,) = made.s3.listed("errors/processing-failed/dt=2026-09-10/d-1-2026-09-10-14-02-11-")

    assert "." not in key
    assert [(e["rawData"], e["lambdaARN"]) for e in made.errors()] == [
        ("YQ==", FUNCTION_ARN),
        ("Yg==", FUNCTION_ARN),
    ]
    assert "ContentEncoding" not in made.s3.objects["bucket", key]


def test_error_objects_can_be_compressed() -> None:
    made = failed(compress_error_objects=True)
    (key,) = made.s3.listed("errors/")

    assert key.endswith(".gz")
    assert not key.endswith(".jsonl.gz")
    assert gzip.decompress(made.s3.body(key)).count(b"\n") == 2
    assert made.s3.objects["bucket", key]["ContentEncoding"] == "gzip"


def test_times_are_the_arrival_and_the_end_of_the_attempts() -> None:
    (first, _) = failed().errors()

    assert first["attemptEndingTimestamp"] - first["arrivalTimestamp"] == 90_000


def test_the_options_reach_the_objects() -> None:
    assert "lambdaArn" in failed(lambda_arn_field="lambdaArn").errors()[0]


@pytest.mark.parametrize("qualifier", ["", ":$LATEST"])
def test_the_arn_is_as_configured(qualifier: str) -> None:
    made = bench(lambda event: answer_all(event, result="ProcessingFailed"))
    made.create(ProcessingConfiguration=lambda_processing(LambdaArn=FUNCTION_ARN + qualifier))
    made.deliver(b"a")

    assert made.errors()[0]["lambdaARN"] == FUNCTION_ARN + qualifier
    assert made.s3.listed("processing-failed/2026/09/10/14/d-1-") != []
