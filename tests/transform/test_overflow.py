"""Rows that do not fit: what is answered, what is put, that nothing is lost, and that the log says it.

Stories: break it, see what was kept; the error output prefix and the stream together hold every record.
"""

import base64
from collections import Counter
from typing import Any

import pytest
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from tests.fakes import client_error
from tests.transform.builders import ARRIVAL_MS, EVENT_US, Result, change, encoded, event, run, settings
from tests.transform.fakes_reingest import (
    REFUSED,
    Behaviour,
    Clock,
    FakeService,
    connection_closed,
    fails,
    refuse,
    timeout,
)
from ttl_archive.transform.limits import RESPONSE_BYTES, failed, response_bytes
from ttl_archive.transform.reingest import LEAST_TIME_LEFT_S, Target, source_of

KINDS = pytest.mark.parametrize("kind", ["kinesis", "firehose"])
TIGHT = settings(image=False)


def items(count: int, size: int = 0) -> list[bytes]:
    """That many TTL removals, each different."""
    return [encoded(change({"id": {"N": str(n)}, "text": {"S": "x" * size}})) for n in range(count)]


def squeezed(
    data: list[bytes],
    service: FakeService | None,
    room: int = 0,
    clock: Clock | None = None,
    config: Any = TIGHT,
    **more: Any,
) -> Result:
    """Answer a batch with room for failures, and `room` bytes more, in the response."""
    request = event(*data, source="direct" if service and service.kind == "firehose" else "kinesis", **more)
    limit = response_bytes([failed(record["recordId"]) for record in request["records"]]) + room
    result = run(
        request, config, clock or Clock(1000), find_target=lambda e: source_of(e, service), limit=limit
    )
    assert [r["recordId"] for r in result.records] == [r["recordId"] for r in request["records"]]
    assert len(LambdaMarshaller().marshal_response({"records": result.records})[0].encode()) <= limit
    return result


def nothing_lost(result: Result, data: list[bytes], service: FakeService) -> None:
    """Every record is delivered, or in the error output prefix, or was taken by the service at least once."""
    taken = service.times_taken()
    for each, answer in zip(data, result.records, strict=True):
        assert answer["result"] != "Dropped" or taken[each] >= 1
    log = result.log
    assert log["RecordsReingested"] == result.results.count("Dropped")
    assert log["RecordsFailed"] == result.results.count("ProcessingFailed")
    assert log["RecordsDelivered"] == result.results.count("Ok")
    assert log["RecordsReceived"] == len(data)


@KINDS
@pytest.mark.parametrize(
    ("count", "calls"), [(500, [500]), (501, [500, 1]), (1000, [500] * 2), (10_001, [500] * 20 + [1])]
)
def test_rows_over_the_limit_are_put_back_and_dropped_when_confirmed(
    kind: str, count: int, calls: list[int]
) -> None:
    data, service = items(count), FakeService(kind)

    result = squeezed(data, service)

    assert result.results == ["Dropped"] * count
    assert service.calls == calls
    assert [taken for taken, _ in service.taken] == data
    metrics = [result.log[name] for name in ("RecordsReingested", "RecordsDropped", "RecordsFailed")]
    assert metrics == [count, 0, 0]
    nothing_lost(result, data, service)


def test_what_is_put_back_is_the_source_record_with_its_own_partition_key() -> None:
    data, service = items(6), FakeService("kinesis")

    squeezed(data, service)

    assert service.taken == [(each, f"key-{n}") for n, each in enumerate(data)]


@KINDS
def test_the_first_rows_that_fit_are_delivered_and_the_others_put_back(kind: str) -> None:
    data, service = items(10), FakeService(kind)

    result = squeezed(data, service, room=1000)

    delivered = result.results.count("Ok")
    assert 0 < delivered < 10
    assert result.results == ["Ok"] * delivered + ["Dropped"] * (10 - delivered)
    assert [taken for taken, _ in service.taken] == data[delivered:]
    nothing_lost(result, data, service)


@KINDS
def test_entries_refused_once_are_put_again_and_dropped(kind: str) -> None:
    data = items(1000)
    service = FakeService(kind, refuse(REFUSED[kind], lambda number, position: number == 0 and position < 7))

    result = squeezed(data, service)

    assert result.results == ["Dropped"] * 1000
    assert service.calls == [500, 7, 500]
    assert result.log["reingestErrors"] == {REFUSED[kind]: 7}
    assert set(service.times_taken().values()) == {1}
    nothing_lost(result, data, service)


@KINDS
def test_entries_that_are_refused_in_turns_arrive(kind: str) -> None:
    data = items(8)
    service = FakeService(kind, refuse(REFUSED[kind], lambda number, position: (number + position) % 2 == 0))

    result = squeezed(data, service)

    assert result.results == ["Dropped"] * 8
    nothing_lost(result, data, service)


@KINDS
def test_entries_refused_always_fail_and_the_others_are_dropped(kind: str) -> None:
    data = items(6)
    service = FakeService(
        kind, lambda _, some: [REFUSED[kind] if e["Data"] in data[1:3] else None for e in some]
    )

    result = squeezed(data, service, clock=Clock(LEAST_TIME_LEFT_S + 2.5, step_s=0.5))

    assert result.results == [
        "Dropped",
        "ProcessingFailed",
        "ProcessingFailed",
        "Dropped",
        "Dropped",
        "Dropped",
    ]
    assert result.log["failedByCode"] == {"ReingestRefused": 2}
    assert result.log["reingestErrors"][REFUSED[kind]] >= 2
    assert result.log["reingestErrors"]["NoTimeLeft"] == 2
    nothing_lost(result, data, service)


# What a whole call may meet, and the name under which the log counts it.
WHOLE_CALLS = {
    "throttled": (lambda: client_error("ThrottlingException", "Put"), "ThrottlingException"),
    "unavailable": (
        lambda: client_error("ServiceUnavailableException", "Put", 503),
        "ServiceUnavailableException",
    ),
    "timed out": (timeout, "ReadTimeoutError"),
    "connection closed": (connection_closed, "ConnectionClosedError"),
    "not allowed": (lambda: client_error("AccessDeniedException", "Put"), "AccessDeniedException"),
    "no stream": (lambda: client_error("ResourceNotFoundException", "Put"), "ResourceNotFoundException"),
}


@KINDS
@pytest.mark.parametrize(("error", "name"), WHOLE_CALLS.values(), ids=WHOLE_CALLS)
def test_calls_that_always_fail_leave_every_row_to_the_error_prefix(kind: str, error: Any, name: str) -> None:
    data, service = items(6), FakeService(kind, fails(error(), forever=True))

    result = squeezed(data, service, clock=Clock(LEAST_TIME_LEFT_S + 2.5, step_s=0.5))

    assert result.results == ["ProcessingFailed"] * 6
    assert result.log["failedByCode"] == {"ReingestRefused": 6}
    assert result.log["reingestErrors"][name] >= 6
    assert service.taken == []
    nothing_lost(result, data, service)


@KINDS
@pytest.mark.parametrize(
    "error", [timeout, connection_closed, lambda: client_error("InternalFailure", "Put", 500)]
)
def test_a_call_that_failed_after_the_service_accepted_makes_a_duplicate_and_no_loss(
    kind: str, error: Any
) -> None:
    data, service = items(6), FakeService(kind, accepts_then_fails=error())

    result = squeezed(data, service)

    assert result.results == ["Dropped"] * 6
    assert service.times_taken() == dict.fromkeys(data, 2)
    nothing_lost(result, data, service)


@KINDS
def test_an_acceptance_that_is_never_confirmed_is_no_drop(kind: str) -> None:
    data = items(6)
    service = FakeService(kind, accepts_then_fails=timeout())

    result = squeezed(data, service, clock=Clock(LEAST_TIME_LEFT_S + 0.7, step_s=0.5))

    assert result.results == ["ProcessingFailed"] * 6  # and once in the stream: a duplicate, never a loss
    assert service.times_taken() == dict.fromkeys(data, 1)
    nothing_lost(result, data, service)


@KINDS
def test_time_that_runs_out_in_the_middle_fails_what_was_not_put(kind: str) -> None:
    data, clock = items(1600), Clock(LEAST_TIME_LEFT_S + 5)
    service = FakeService(kind, _slow(clock, 3.0))

    result = squeezed(data, service, clock=clock)

    assert result.results == ["Dropped"] * 1000 + ["ProcessingFailed"] * 600
    assert result.log["reingestErrors"] == {"NoTimeLeft": 600}
    assert result.log["failedByCode"] == {"ReingestRefused": 600}
    nothing_lost(result, data, service)


def _slow(clock: Clock, seconds: float) -> Behaviour:
    def behave(_: int, some: Any) -> list[str | None]:
        clock.left -= seconds
        return [None] * len(some)

    return behave


@KINDS
def test_a_function_that_dies_in_the_middle_has_answered_nothing(kind: str) -> None:
    data = items(1600)
    service = FakeService(kind, fails(None, None, SystemExit("killed")))

    with pytest.raises(SystemExit):  # no answer: Firehose sends the whole batch again, or to the error prefix
        squeezed(data, service)

    assert service.calls == [500, 500, 500]


@KINDS
def test_the_batch_that_firehose_sends_again_after_a_death_is_dropped_when_confirmed(kind: str) -> None:
    data = items(600)
    service = FakeService(kind, fails(None, SystemExit("killed")))
    with pytest.raises(SystemExit):
        squeezed(data, service)

    result = squeezed(data, service)

    assert result.results == ["Dropped"] * 600
    assert Counter(service.times_taken().values()) == {2: 500, 1: 100}


@KINDS
def test_a_row_that_can_never_fit_fails_at_once_and_the_others_are_served(kind: str) -> None:
    small, large = items(2)[0], items(1, size=3000)[0]
    service = FakeService(kind)

    result = squeezed([small, large, small], service, room=500)

    assert result.results[1] == "ProcessingFailed"
    assert result.records[1]["data"] == ""
    assert result.log["failedByCode"] == {"RowTooLarge": 1}
    assert large not in service.times_taken()
    nothing_lost(result, [small, large, small], service)


def test_a_record_larger_than_the_response_fails_alone_at_the_real_limit() -> None:
    large = items(1, size=4_500_000)[0]
    request = event(items(1)[0], large, items(1)[0])

    result = run(request, settings(), find_target=_no_target)

    assert result.results == ["Ok", "ProcessingFailed", "Ok"]
    assert result.log["failedByCode"] == {"RowTooLarge": 1}
    assert result.log["BytesReturned"] <= RESPONSE_BYTES


def _no_target(_: Any) -> Target:
    raise AssertionError("nothing may be put back")


@KINDS
def test_a_full_buffer_of_small_attributes_passes_the_real_limit_and_is_put_back(kind: str) -> None:
    image = {f"attribute_{n}": {"S": "x"} for n in range(100)}
    data = [encoded(change(image | {"id": {"N": str(n)}})) for n in range(1060)]
    service = FakeService(kind)
    request = event(*data, source="direct" if kind == "firehose" else "kinesis")
    assert 2_900_000 < sum(map(len, data)) < 3 * 1024 * 1024  # the largest buffer that Firehose allows

    result = run(request, settings(), Clock(60), find_target=lambda e: source_of(e, service))

    answer = LambdaMarshaller().marshal_response({"records": result.records})[0].encode()
    assert RESPONSE_BYTES - 10_000 < len(answer) <= RESPONSE_BYTES
    assert result.log["BytesReturned"] == len(answer)
    assert Counter(result.results).keys() == {"Ok", "Dropped"}
    nothing_lost(result, data, service)


@KINDS
def test_overflow_fail_calls_nobody_and_fails_what_does_not_fit(kind: str) -> None:
    data, service = items(10), FakeService(kind)

    result = squeezed(data, service, room=1000, config=settings(image=False, overflow="fail"))

    assert set(result.results) == {"Ok", "ProcessingFailed"}
    assert result.log["failedByCode"] == {"ResponseFull": result.results.count("ProcessingFailed")}
    assert service.calls == []


@KINDS
def test_a_record_in_a_reingestion_loop_is_stopped_and_counted(kind: str) -> None:
    data, service = items(4), FakeService(kind)
    hour_ms = 3_600_000

    result = squeezed(data, service, arrival_ms=EVENT_US // 1000 + hour_ms + 2)

    assert result.results == ["ProcessingFailed"] * 4
    assert result.log["failedByCode"] == {"ReingestLoop": 4}
    assert result.log["ReingestLoops"] == 4
    assert service.calls == []
    nothing_lost(result, data, service)


@KINDS
@pytest.mark.parametrize(("late_ms", "expected"), [(3_600_000, "Dropped"), (3_600_001, "ProcessingFailed")])
def test_a_record_within_its_first_hour_is_put_back(kind: str, late_ms: int, expected: str) -> None:
    whole = {
        "ApproximateCreationDateTime": EVENT_US // 1000,
        "ApproximateCreationDateTimePrecision": "MILLISECOND",
    }
    data, service = [encoded(change(dynamodb=whole))] * 4, FakeService(kind)

    result = squeezed(data, service, arrival_ms=EVENT_US // 1000 + late_ms)

    assert result.results == [expected] * 4


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        (ARRIVAL_MS, "Dropped"),
        (float(ARRIVAL_MS), "Dropped"),
        ("2025-11-21T06:27:00Z", "Dropped"),
        ("2025-11-21T07:27:00+00:00", "ProcessingFailed"),
        (0, "Dropped"),
        (None, "ProcessingFailed"),  # nothing tells: now, long after the change
        ("yesterday", "ProcessingFailed"),
    ],
)
def test_the_arrival_time_is_read_in_each_of_its_forms(arrived: Any, expected: str) -> None:
    request = event(*items(6))
    for record in request["records"]:
        record["approximateArrivalTimestamp"] = arrived
    limit = response_bytes([failed(record["recordId"]) for record in request["records"]])

    result = run(request, TIGHT, Clock(), find_target=lambda e: source_of(e, FakeService()), limit=limit)

    assert result.results == [expected] * 6


@pytest.mark.parametrize("metadata", [None, {}, {"partitionKey": ""}, {"partitionKey": None}])
def test_a_record_without_its_partition_key_fails_alone(metadata: Any) -> None:
    request = event(*items(6))
    request["records"][1]["kinesisRecordMetadata"] = metadata
    limit = response_bytes([failed(record["recordId"]) for record in request["records"]])
    service = FakeService()

    result = run(request, TIGHT, Clock(), find_target=lambda e: source_of(e, service), limit=limit)

    assert result.results == ["Dropped", "ProcessingFailed", *["Dropped"] * 4]
    assert result.log["failedByCode"] == {"NoPartitionKey": 1}
    assert [key for _, key in service.taken] == ["key-0", "key-2", "key-3", "key-4", "key-5"]


@pytest.mark.parametrize(
    "error", [ImportError("boto3"), KeyError("deliveryStreamArn"), RuntimeError("no Region")]
)
def test_a_client_that_cannot_be_made_fails_only_the_rows_that_do_not_fit(error: Exception) -> None:
    def find_target(_: Any) -> Target:
        raise error

    request = event(*items(10))
    limit = response_bytes([failed(record["recordId"]) for record in request["records"]]) + 1000

    result = run(request, TIGHT, Clock(), find_target=find_target, limit=limit)

    assert set(result.results) == {"Ok", "ProcessingFailed"}
    failures = result.results.count("ProcessingFailed")
    assert result.log["failedByCode"] == {"ReingestRefused": failures}
    assert result.log["reingestErrors"] == {type(error).__name__: failures}


@pytest.mark.parametrize(
    "arns", [{}, {"deliveryStreamArn": "x"}, {"sourceKinesisStreamArn": "arn:aws:kinesis"}]
)
def test_an_event_without_a_source_fails_only_the_rows_that_do_not_fit(arns: Any) -> None:
    request = event(*items(4)) | {"deliveryStreamArn": "", "sourceKinesisStreamArn": ""} | arns
    limit = response_bytes([failed(record["recordId"]) for record in request["records"]]) + 400

    result = run(request, TIGHT, Clock(), limit=limit)

    assert result.results == ["Ok", *["ProcessingFailed"] * 3]
    assert result.log["failedByCode"] == {"ReingestRefused": 3}


def test_failures_that_do_not_fit_lose_the_copy_of_their_data_and_drops_stay_drops() -> None:
    data = [b"x" * 900, encoded(change(kind="user")), *items(5), b"y" * 900]

    result = squeezed(data, FakeService())

    assert result.results[:2] == ["ProcessingFailed", "Dropped"]
    assert [result.records[0]["data"], result.records[-1]["data"]] == ["", ""]
    assert result.log["DroppedUserRemoval"] == 1
    assert result.log["failedByCode"] == {"NotJson": 2}


def test_a_failure_that_fits_keeps_its_bytes() -> None:
    result = run(event(b"x" * 900))

    assert base64.b64decode(result.records[0]["data"]) == b"x" * 900


def test_what_overflows_has_no_partition_metadata_left() -> None:
    service = FakeService(behaviour=fails(client_error("AccessDeniedException", "Put"), forever=True))

    result = squeezed(items(6), service, config=settings(partition_by="event"))

    assert all(set(record) == {"recordId", "result", "data"} for record in result.records)


def test_without_a_context_there_is_time_for_a_round() -> None:
    request, service = event(*items(6)), FakeService()
    limit = response_bytes([failed(record["recordId"]) for record in request["records"]])

    result = run(request, TIGHT, None, find_target=lambda e: source_of(e, service), limit=limit)

    assert result.results == ["Dropped"] * 6
