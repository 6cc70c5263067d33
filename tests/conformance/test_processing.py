"""D. Processing by a Lambda function, and error objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.cases import case, not_verified
from tests.conformance.endpoint import Endpoint
from tests.conformance.functions import BAD

SOON = {"SizeInMBs": 1, "IntervalInSeconds": 0}


def processing(aws: Endpoint, function: str, **more: str) -> dict[str, Any]:
    values = {
        "LambdaArn": aws.function_arn(function),
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "0",
        **more,
    }
    parameters = [{"ParameterName": name, "ParameterValue": value} for name, value in values.items()]
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": parameters}]}


def failed(aws: Endpoint, function: str, **more: str) -> tuple[dict[str, Any], bytes]:
    """The error line of the bad record, and what was delivered of the good one."""
    bucket = aws.bucket()
    name = aws.create_s3(
        bucket,
        Prefix="good/",
        ErrorOutputPrefix="errors/",
        BufferingHints=SOON,
        ProcessingConfiguration=processing(aws, function, **more),
    )
    aws.put(name, b"good", BAD)
    lines = [
        json.loads(line)
        for answer in aws.objects(bucket, "errors/").values()
        for line in answer["Body"].splitlines()
    ]
    good = b"".join(answer["Body"] for answer in aws.objects(bucket, "good/").values())
    (line,) = [line for line in lines if line["rawData"] == "YmFk"]
    return line, good


@pytest.fixture(scope="module")
def processing_failed(aws: Endpoint) -> dict[str, Any]:
    line, _ = failed(aws, "failed")
    return line


@case("D01", "R", "FLOCI #3393")
def test_D01_processing_failed(processing_failed: dict[str, Any]) -> None:
    assert processing_failed["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert processing_failed["attemptsMade"] == 1


@case("D02a", "R", "FLOCI #3393")
def test_D02a_an_id_is_missing(aws: Endpoint) -> None:
    line, good = failed(aws, "missing")

    assert (line["errorCode"], good) == ("Lambda.MissingRecordId", b"good")


@case("D02b", "R", "FLOCI #3393")
def test_D02b_an_id_twice(aws: Endpoint) -> None:
    line, good = failed(aws, "duplicate")

    assert (line["errorCode"], good) == ("Lambda.DuplicatedRecordId", b"good")


@case("D02c", "R", "FLOCI #3393")
def test_D02c_ok_with_null_data(aws: Endpoint) -> None:
    line, good = failed(aws, "null")

    assert (line["errorCode"], good) == ("Lambda.InvalidReturnFormat", b"good")


@case("D03", "R", "FLOCI")
def test_D03_an_empty_answer(aws: Endpoint) -> None:
    bucket = aws.bucket()
    name = aws.create_s3(
        bucket, ErrorOutputPrefix="errors/", BufferingHints=SOON,
        ProcessingConfiguration=processing(aws, "empty"),
    )  # fmt: skip
    aws.put(name, b"x")

    (answer,) = aws.objects(bucket, "errors/").values()
    line = json.loads(answer["Body"])
    assert (line["errorCode"], line["attemptsMade"]) == ("Lambda.MissingRecordId", 1)


@case("D04", "R", "FLOCI #3393, capture")
def test_D04_the_order_of_members(processing_failed: dict[str, Any]) -> None:
    assert " ".join(processing_failed) == (
        "rawData errorCode errorMessage attemptsMade arrivalTimestamp attemptEndingTimestamp lambdaARN"
    )


@case("D05", "R", "FLOCI #3393, capture")
def test_D05_the_arn_as_configured(aws: Endpoint, processing_failed: dict[str, Any]) -> None:
    assert processing_failed["lambdaARN"] == aws.function_arn("failed")


def shown(aws: Endpoint, **more: str) -> list[dict[str, str]]:
    name = aws.create_s3(ProcessingConfiguration=processing(aws, "failed", **more))
    destination = aws.describe(name)["Destinations"][0]["ExtendedS3DestinationDescription"]
    parameters: list[dict[str, str]] = destination["ProcessingConfiguration"]["Processors"][0]["Parameters"]
    return parameters


@case("D06", "R", "FLOCI")
def test_D06_nine_retries(aws: Endpoint) -> None:
    assert {"ParameterName": "NumberOfRetries", "ParameterValue": "9"} in shown(aws, NumberOfRetries="9")


@case("D07", "R", "FLOCI")
def test_D07_the_order_of_parameters(aws: Endpoint) -> None:
    names = [parameter["ParameterName"] for parameter in shown(aws)]

    assert names[:3] == ["LambdaArn", "NumberOfRetries", "RoleArn"]


@case("D08", "?", "inferred")
def test_D08_a_response_over_6_mb() -> None:
    not_verified(
        "no source has the outcome. Ours is an error object with Lambda.FunctionError, after the retries"
    )
