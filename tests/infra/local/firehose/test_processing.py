"""The event a function gets, and one test for each rule of what its response makes of the records."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import FUNCTION_ARN, KINESIS_ARN
from ttl_archive.infra.local.firehose.function import MAX_REQUEST_BYTES, FunctionError, FunctionTimedOut
from ttl_archive.infra.local.firehose.processing import (
    Dropped,
    EventHead,
    Failed,
    Transformed,
    invoke,
    outcomes,
    requests,
)
from ttl_archive.infra.local.firehose.source import KinesisMetadata, SourceRecord

HEAD = EventHead("arn:aws:firehose:us-east-1:123456789012:deliverystream/d", "us-east-1")
ONE = SourceRecord("one", b"1", 1000)
TWO = SourceRecord("two", b"2", 2000)
MISSING = (
    "One or more record Ids were not returned. Ensure that the Lambda function returns all received"
    " record Ids."
)


class Scripted:
    """A Function that returns, or raises, the given values in turn."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.invocations = 0

    def invoke(self, payload: bytes) -> bytes:
        self.invocations += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def payloads(records: Sequence[SourceRecord], head: EventHead = HEAD, **options: Any) -> list[dict[str, Any]]:
    ids = map(str, itertools.count(1))
    return [json.loads(payload) for payload, _ in requests(records, head, ids, **options)]


def response(*answers: Any) -> bytes:
    return json.dumps({"records": list(answers)}).encode()


def ok(record_id: str, data: str = base64.b64encode(b"out").decode(), **fields: Any) -> dict[str, Any]:
    return {"recordId": record_id, "result": "Ok", "data": data} | fields


def failure(answer: Any) -> tuple[str, str, int, str]:
    """What becomes of the record `one` when its entry of the response is this."""
    (outcome,) = outcomes([ONE], response(answer))
    assert isinstance(outcome, Failed)
    return outcome.error_code, outcome.error_message, outcome.attempts_made, outcome.error_output_type


# The event


def test_the_event_of_direct_put() -> None:
    assert payloads([ONE]) == [
        {
            "invocationId": "1",
            "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/d",
            "region": "us-east-1",
            "records": [{"recordId": "one", "approximateArrivalTimestamp": 1000, "data": "MQ=="}],
        }
    ]


def test_the_event_of_a_kinesis_source() -> None:
    record = SourceRecord("49", b"x", 1000, KinesisMetadata("shardId-000000000000", "4", "pk"))
    (event,) = payloads([record], EventHead(HEAD.delivery_stream_arn, "us-east-1", KINESIS_ARN))

    assert event["sourceKinesisStreamArn"] == KINESIS_ARN
    assert event["records"] == [
        {
            "recordId": "49",
            "approximateArrivalTimestamp": 1000,
            "data": "eA==",
            "kinesisRecordMetadata": {
                "sequenceNumber": "4",
                "subsequenceNumber": 0,
                "partitionKey": "pk",
                "shardId": "shardId-000000000000",
                "approximateArrivalTimestamp": 1000,
            },
        }
    ]


def test_a_batch_over_the_request_limit_of_lambda_is_split() -> None:
    records = [SourceRecord(str(n), bytes(1_000_000), 0) for n in range(6)]
    split = list(requests(records, HEAD, map(str, itertools.count())))

    assert [len(chunk) for _, chunk in split] == [4, 2]
    assert all(len(payload) <= MAX_REQUEST_BYTES for payload, _ in split)


def test_a_record_over_the_request_limit_is_sent_alone() -> None:
    assert [
        len(e["records"]) for e in payloads([ONE, SourceRecord("big", bytes(900), 0), TWO], limit=500)
    ] == [
        1,
        1,
        1,
    ]


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=30), st.integers(min_value=500, max_value=3000))
def test_requests_joined_are_the_batch_and_none_is_over_the_limit(data: list[bytes], limit: int) -> None:
    records = [SourceRecord(str(n), item, 0) for n, item in enumerate(data)]
    split = list(requests(records, HEAD, itertools.repeat("0" * 36), limit))

    assert [record for _, chunk in split for record in chunk] == records
    assert all(len(payload) <= limit or len(chunk) == 1 for payload, chunk in split)


# The response


def test_ok_with_data_is_delivered() -> None:
    assert outcomes([ONE], response(ok("one"))) == [Transformed(ONE, b"out")]


def test_ok_with_empty_data_is_delivered_empty() -> None:
    assert outcomes([ONE], response(ok("one", ""))) == [Transformed(ONE, b"")]


def test_partition_keys_are_passed_on_as_returned() -> None:
    answer = ok("one", metadata={"partitionKeys": {"dt": "2026-01-02"}})

    assert outcomes([ONE], response(answer)) == [Transformed(ONE, b"out", {"dt": "2026-01-02"})]


@pytest.mark.parametrize("metadata", [None, "dt", [], {}, {"partitionKeys": None}])
def test_metadata_without_partition_keys_is_tolerated(metadata: Any) -> None:
    assert outcomes([ONE], response(ok("one", metadata=metadata))) == [Transformed(ONE, b"out", None)]


@pytest.mark.parametrize("fields", [{}, {"data": None}, {"data": "b3V0"}])
def test_dropped_needs_no_data(fields: dict[str, Any]) -> None:
    assert outcomes([ONE], response({"recordId": "one", "result": "Dropped"} | fields)) == [Dropped(ONE)]


def test_processing_failed_fails_that_record_alone() -> None:
    failed, delivered = outcomes(
        [ONE, TWO], response({"recordId": "one", "result": "ProcessingFailed"}, ok("two"))
    )

    assert failed == Failed(
        ONE,
        "Lambda.ProcessingFailedStatus",
        "ProcessingFailed status set for record",
        attempts_made=1,
        error_output_type="processing-failed",
    )
    assert delivered == Transformed(TWO, b"out")


def test_a_missing_id_fails_that_record_alone() -> None:
    failed, delivered = outcomes([ONE, TWO], response(ok("two")))

    assert failed == Failed(ONE, "Lambda.MissingRecordId", MISSING)
    assert delivered == Transformed(TWO, b"out")


def test_an_id_returned_twice_fails_and_the_others_are_delivered() -> None:
    failed, delivered = outcomes([ONE, TWO], response(ok("one"), ok("two"), ok("one")))

    assert failed == Failed(
        ONE,
        "Lambda.DuplicatedRecordId",
        "Multiple records were returned with the same record Id. Ensure that the Lambda function returns"
        " a unique record Id for each record.",
    )
    assert delivered == Transformed(TWO, b"out")


def test_an_unknown_id_is_ignored() -> None:
    assert outcomes([ONE], response(ok("one"), ok("three"), ok("three"))) == [Transformed(ONE, b"out")]


@pytest.mark.parametrize("data", [None, "absent"])
def test_ok_without_data_is_an_invalid_return_format(data: str | None) -> None:
    answer = ok("one", data=data) if data is None else {"recordId": "one", "result": "Ok"}  # type: ignore[arg-type]

    code, message, attempts, folder = failure(answer)

    assert (code, attempts, folder) == ("Lambda.InvalidReturnFormat", 1, "processing-failed")
    assert message.startswith("The data field cannot be null when the SourceType is DirectPut or Kinesis")


@pytest.mark.parametrize("data", ["not base64!", "b3V", "b3V0=", "b3\nV0", "b3V0_-==", "é", 7, True, [], {}])
def test_data_that_is_not_base64_is_a_json_mapping_exception(data: Any) -> None:
    assert failure(ok("one", data)) == (
        "Lambda.JsonMappingException",
        "There was an error parsing returned records from the Lambda function. Ensure that data field is"
        " base-64 encoded.",
        1,
        "processing-failed",
    )


@pytest.mark.parametrize("result", ["ok", "OK", "dropped", "processingFailed", "", None, 1])
def test_a_result_is_one_of_three_and_case_sensitive(result: Any) -> None:
    assert failure(ok("one", result=result))[0] == "Lambda.JsonProcessingException"


@pytest.mark.parametrize(
    "body",
    [b"{}", b'"done"', b"null", b"[]", b"7", b"", b"{", b'{"records":null}', b'{"records":{}}',
     b'{"Records":[]}', b'{"records":[]}', b'{"records":["one"]}',
     b'{"records":[{"recordId":1,"result":"Dropped"}]}', b"\xff"],
)  # fmt: skip
def test_a_response_without_a_usable_array_fails_every_record_as_missing(body: bytes) -> None:
    assert outcomes([ONE, TWO], body) == [
        Failed(ONE, "Lambda.MissingRecordId", MISSING, attempts_made=1),
        Failed(TWO, "Lambda.MissingRecordId", MISSING, attempts_made=1),
    ]


def test_outcomes_are_in_the_order_of_the_request() -> None:
    assert [o.record for o in outcomes([ONE, TWO], response(ok("two"), ok("one")))] == [ONE, TWO]


# Retries


def test_a_malformed_response_is_not_retried() -> None:
    function = Scripted(b"{}")

    invoke(function, FUNCTION_ARN, b"", [ONE], 3)

    assert function.invocations == 1


def test_a_function_that_fails_is_retried_and_then_succeeds() -> None:
    function = Scripted(FunctionError("boom"), FunctionTimedOut("slow"), response(ok("one")))

    assert invoke(function, FUNCTION_ARN, b"", [ONE], 3) == [Transformed(ONE, b"out")]


@pytest.mark.parametrize("retries", [0, 3, 9])
def test_a_function_that_always_fails_fails_the_whole_batch(retries: int) -> None:
    function = Scripted(*[FunctionError("boom")] * (retries + 1))
    message = "The Lambda function was successfully invoked but it returned an error result."

    assert invoke(function, FUNCTION_ARN, b"", [ONE, TWO], retries) == [
        Failed(ONE, "Lambda.FunctionError", message, retries + 1),
        Failed(TWO, "Lambda.FunctionError", message, retries + 1),
    ]
    assert function.invocations == retries + 1


def test_a_function_that_times_out_says_so() -> None:
    (failed,) = invoke(Scripted(*[FunctionTimedOut("slow")] * 4), FUNCTION_ARN, b"", [ONE], 3)

    assert failed == Failed(
        ONE,
        "Lambda.FunctionTimedOut",
        "The Lambda function invocation timed out. Increase the Timeout setting in the Lambda function.",
        4,
    )


def test_the_last_attempt_names_the_error() -> None:
    (failed,) = invoke(Scripted(FunctionTimedOut("slow"), FunctionError("boom")), FUNCTION_ARN, b"", [ONE], 1)

    assert isinstance(failed, Failed)
    assert failed.error_code == "Lambda.FunctionError"


def test_a_function_that_does_not_exist_fails_the_batch_after_its_retries() -> None:
    (failed,) = invoke(None, FUNCTION_ARN, b"", [ONE], 3)

    assert isinstance(failed, Failed)
    assert (failed.error_code, failed.attempts_made) == ("Lambda.ResourceNotFound", 4)


def test_attempts_are_logged_without_what_the_function_said(caplog: pytest.LogCaptureFixture) -> None:
    invoke(Scripted(FunctionError("secret item")), FUNCTION_ARN, b"", [ONE], 0)

    assert caplog.messages == [f"{FUNCTION_ARN}: Lambda.FunctionError, attempt 1 of 1"]
