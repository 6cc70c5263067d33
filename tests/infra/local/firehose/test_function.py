from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from ttl_archive.infra.local.firehose.function import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    FunctionError,
    FunctionTimedOut,
    InProcess,
    encode,
)


def test_the_answer_is_encoded_with_the_runtimes_own_separators_and_raw_non_ascii() -> None:
    function = InProcess(lambda event, context: {"records": [event["n"], "é"]})

    assert function.invoke(b'{"n":1}') == '{"records": [1, "é"]}'.encode()


def test_decimals_and_bytes_are_encoded_as_the_runtime_does() -> None:
    assert encode([Decimal("1.50"), Decimal("NaN")]) == b"[1.50, NaN]"
    assert encode(b"as is") == b"as is"


def test_an_answer_that_json_cannot_hold_is_an_error_of_the_function() -> None:
    with pytest.raises(FunctionError, match="TypeError: Object of type set is not JSON serializable"):
        InProcess(lambda event, context: {1}).invoke(b"{}")


def test_what_the_handler_raises_is_reported_with_class_and_message() -> None:
    with pytest.raises(FunctionError, match="KeyError: 'records'") as caught:
        InProcess(lambda event, context: event["records"]).invoke(b"{}")

    assert caught.value.error_type == "KeyError"


def test_a_handler_that_exits_is_an_error_not_the_end_of_the_test() -> None:
    def leave(event: Any, context: Any) -> None:
        raise SystemExit(7)

    with pytest.raises(FunctionError, match="exit status 7") as caught:
        InProcess(leave).invoke(b"{}")

    assert caught.value.error_type == "Runtime.ExitError"


def test_a_request_over_the_limit_never_reaches_the_handler() -> None:
    def fail(event: Any, context: Any) -> None:
        raise AssertionError("called")

    with pytest.raises(FunctionError, match="6291457 bytes is over") as caught:
        InProcess(fail).invoke(b" " * (MAX_REQUEST_BYTES + 1))

    assert caught.value.error_type == "RequestEntityTooLarge"


@pytest.mark.parametrize("over", [0, 1])
def test_a_response_passes_at_the_cut_off_and_fails_one_byte_above(over: int) -> None:
    function = InProcess(lambda event, context: "x" * (MAX_RESPONSE_BYTES - 2 + over))

    if not over:
        assert len(function.invoke(b"{}")) == MAX_RESPONSE_BYTES
        return
    with pytest.raises(FunctionError, match=r"maximum allowed payload size \(6291556 bytes\)"):
        function.invoke(b"{}")


def test_a_handler_that_overruns_its_timeout_is_reported_as_timed_out() -> None:
    with pytest.raises(FunctionTimedOut, match=r"timed out after 0\.01 seconds"):
        InProcess(lambda event, context: time.sleep(0.02), timeout_s=0.01).invoke(b"{}")


def test_the_context_has_name_memory_id_and_time_left() -> None:
    def describe(event: Any, context: Any) -> list[Any]:
        return [
            context.function_name,
            context.memory_limit_in_mb,
            context.invoked_function_arn,
            0 < context.get_remaining_time_in_millis() <= 5000,
            len(context.aws_request_id),
        ]

    function = InProcess(describe, function_name="f", memory_mb=128, timeout_s=5)

    assert (
        function.invoke(b"{}") == b'["f", 128, "arn:aws:lambda:us-east-1:123456789012:function:f", true, 36]'
    )
