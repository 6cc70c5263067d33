"""Puts within the services' limits; only refused entries again; confirmed only with the service's receipt."""

from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import client_error
from tests.transform.builders import DELIVERY_ARN, STREAM_ARN, event
from tests.transform.fakes_reingest import (
    ENDPOINT,
    REFUSED,
    Clock,
    FakeService,
    connection_closed,
    fails,
    refuse,
    timeout,
)
from ttl_archive.transform.limits import Entry, batches
from ttl_archive.transform.reingest import (
    ATTEMPTS,
    LEAST_TIME_LEFT_S,
    NO_TIME_LEFT,
    Target,
    reingest,
    source_of,
)

KINDS = pytest.mark.parametrize("kind", ["kinesis", "firehose"])


def target(service: FakeService) -> Target:
    return source_of(event(source=service.kind), client=service)


def entries(count: int, size: int = 10) -> list[Entry]:
    return [Entry(n, f"{n:0{size}d}".encode(), f"key-{n}") for n in range(count)]


def put(
    service: FakeService, some: list[Entry], clock: Clock | None = None
) -> tuple[set[int], dict[str, int]]:
    clock = clock or Clock(10_000)
    confirmed, errors = reingest(target(service), some, clock.time_left, clock.pause)
    return confirmed, dict(errors)


@KINDS
@pytest.mark.parametrize(
    ("count", "calls"), [(1, [1]), (500, [500]), (501, [500, 1]), (1000, [500, 500]), (1001, [500] * 2 + [1])]
)
def test_a_call_has_at_most_500_records(kind: str, count: int, calls: list[int]) -> None:
    service = FakeService(kind)

    confirmed, errors = put(service, entries(count))

    assert (confirmed, errors) == (set(range(count)), {})
    assert service.calls == calls
    assert [data for data, _ in service.taken] == [entry.data for entry in entries(count)]


@pytest.mark.parametrize(
    ("kind", "size", "calls"),
    [
        ("firehose", 1_024_000, [4, 4, 1]),
        ("firehose", 4 * 1024 * 1024 // 8, [8, 1]),
        ("firehose", 4 * 1024 * 1024 // 8 + 1, [7, 2]),
        ("kinesis", 1024 * 1024 - 5, [5, 4]),
        ("kinesis", 1024 * 1024 - 6, [5, 4]),
        ("kinesis", 5 * 1024 * 1024 // 8 - 5, [8, 1]),
        ("kinesis", 5 * 1024 * 1024 // 8 - 4, [7, 2]),
    ],
)
def test_a_call_is_within_the_byte_limit_with_the_partition_keys_where_there_are_any(
    kind: str, size: int, calls: list[int]
) -> None:
    service = FakeService(kind)

    keyless = [entry._replace(partition_key="") for entry in entries(9, size)]

    confirmed, _ = put(service, entries(9, size) if kind == "kinesis" else keyless)

    assert (len(confirmed), service.calls) == (9, calls)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.text(max_size=3)), max_size=40),
    st.integers(1, 10),
    st.integers(72, 200),
)
def test_batches_joined_are_the_entries_in_order_within_both_limits(
    sizes: list[tuple[int, str]], max_records: int, max_bytes: int
) -> None:
    some = [Entry(n, b"x" * size, key) for n, (size, key) in enumerate(sizes)]

    found = list(batches(some, max_records, max_bytes))

    assert [entry for batch in found for entry in batch] == some
    assert all(len(batch) <= max_records for batch in found)
    assert all(
        sum(len(e.data) + len(e.partition_key.encode()) for e in batch) <= max_bytes for batch in found
    )
    assert all(found)


def test_an_entry_over_the_byte_limit_goes_alone() -> None:
    some = [Entry(0, b"x"), Entry(1, b"x" * 11), Entry(2, b"x")]

    assert [[e.position for e in batch] for batch in batches(some, 500, 10)] == [[0], [1], [2]]


def test_each_record_keeps_its_own_partition_key() -> None:
    service = FakeService()

    put(service, [Entry(0, b"a", "ké"), Entry(1, b"b", "3F434FB798726BE01C2AD3335E9F9B79")])

    assert service.taken == [(b"a", "ké"), (b"b", "3F434FB798726BE01C2AD3335E9F9B79")]


@KINDS
def test_only_the_refused_are_put_again(kind: str) -> None:
    service = FakeService(
        kind, refuse(REFUSED[kind], lambda number, position: number == 0 and position % 3 == 0)
    )

    confirmed, errors = put(service, entries(9))

    assert (confirmed, errors) == (set(range(9)), {REFUSED[kind]: 3})
    assert service.calls == [9, 3]
    assert set(service.times_taken().values()) == {1}


@KINDS
def test_entries_refused_in_turns_arrive_once_each(kind: str) -> None:
    service = FakeService(
        kind, refuse("InternalFailure", lambda number, position: (number + position) % 2 == 0)
    )

    confirmed, _ = put(service, entries(64))

    assert confirmed == set(range(64))
    assert service.calls[:4] == [64, 32, 16, 8]
    assert service.times_taken() == {entry.data: 1 for entry in entries(64)}


@KINDS
def test_what_is_always_refused_is_given_up_after_a_stated_count(kind: str) -> None:
    always = {entry.data for entry in entries(5)[2:4]}
    service = FakeService(
        kind, lambda _, some: [REFUSED[kind] if each["Data"] in always else None for each in some]
    )

    confirmed, errors = put(service, entries(5))

    assert confirmed == {0, 1, 4}
    assert service.calls == [5] + [2] * (ATTEMPTS - 1)
    assert errors == {REFUSED[kind]: 2 * ATTEMPTS}


@KINDS
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ProvisionedThroughputExceededException", 400),
        ("ServiceUnavailableException", 503),
        ("LimitExceededException", 400),
        ("ThrottlingException", 400),
        ("KMSThrottlingException", 400),
        ("InternalFailure", 500),
        ("SomethingNew", 502),
    ],
)
def test_a_whole_call_that_is_throttled_is_put_again(kind: str, code: str, status: int) -> None:
    error = client_error(code, "Put", status)
    service = FakeService(kind, fails(error, error))

    confirmed, errors = put(service, entries(3))

    assert (confirmed, errors) == ({0, 1, 2}, {code: 6})
    assert service.calls == [3, 3, 3]


@KINDS
@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "InvalidArgumentException", "ExpiredToken"]
)
def test_a_whole_call_that_would_be_refused_again_is_not_put_again(kind: str, code: str) -> None:
    service = FakeService(kind, fails(client_error(code, "Put"), forever=True))

    assert put(service, entries(3)) == (set(), {code: 3})
    assert service.calls == [3]


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url=ENDPOINT),
        ConnectTimeoutError(endpoint_url=ENDPOINT),
        EndpointConnectionError(endpoint_url=ENDPOINT),
        connection_closed(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_network_is_tried_again(error: BaseException) -> None:
    service = FakeService(behaviour=fails(error))

    assert put(service, entries(3)) == ({0, 1, 2}, {type(error).__name__: 3})


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), ParamValidationError(report="x")], ids=lambda e: type(e).__name__
)
def test_an_invalid_call_is_not_tried_again(error: BaseException) -> None:
    service = FakeService(behaviour=fails(error, forever=True))

    assert put(service, entries(3)) == (set(), {type(error).__name__: 3})
    assert service.calls == [3]


@KINDS
@pytest.mark.parametrize("error", [timeout, connection_closed])
def test_an_error_after_the_service_accepted_makes_duplicates_and_no_loss(
    kind: str, error: Callable[[], Any]
) -> None:
    service = FakeService(kind, accepts_then_fails=error())

    confirmed, _ = put(service, entries(3))

    assert confirmed == {0, 1, 2}
    assert service.times_taken() == {entry.data: 2 for entry in entries(3)}


def test_the_pauses_grow_are_jittered_and_have_a_limit() -> None:
    clock = Clock(10_000)

    put(FakeService(behaviour=fails(timeout(), forever=True)), entries(1), clock)

    assert len(clock.pauses) == ATTEMPTS - 1
    assert len(set(clock.pauses)) > ATTEMPTS / 2
    assert max(clock.pauses) <= 2
    assert all(pause <= 0.05 * 2 ** (number + 1) for number, pause in enumerate(clock.pauses))


@given(st.floats(0, 40), st.floats(0.1, 5))
def test_no_call_begins_that_could_not_end_in_the_time_left(seconds: float, step: float) -> None:
    clock = Clock(seconds)
    begun: list[float] = []

    def slow(_: int, some: Any) -> list[str | None]:
        begun.append(clock.left)
        clock.left -= step
        return ["InternalFailure"] * len(some)

    put(FakeService(behaviour=slow), entries(1), clock)

    assert all(left >= LEAST_TIME_LEFT_S - 1e-9 for left in begun)


def test_time_running_out_in_the_middle_confirms_what_was_put_and_no_more() -> None:
    clock = Clock(LEAST_TIME_LEFT_S + 4)

    def slow(_: int, some: Any) -> list[str | None]:
        clock.left -= 3
        return [None] * len(some)

    service = FakeService(behaviour=slow)

    confirmed, errors = put(service, entries(1600), clock)

    assert confirmed == set(range(1000))
    assert errors == {NO_TIME_LEFT: 600}
    assert service.calls == [500, 500]


def test_without_time_nothing_is_put() -> None:
    service = FakeService()

    assert put(service, entries(3), Clock(LEAST_TIME_LEFT_S - 0.001)) == (set(), {NO_TIME_LEFT: 3})
    assert service.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Records": []},
        {"Records": [{}, {}, {}]},
        {"Records": [{"SequenceNumber": None}] * 3},
        {"Records": [{"SequenceNumber": ""}] * 3},
        {"Records": [{"ShardId": "s"}] * 3, "FailedRecordCount": 0},
        {"Records": [{"SequenceNumber": "1", "ErrorCode": "InternalFailure"}] * 3},
    ],
)
def test_no_receipt_is_no_confirmation_whatever_the_counts_say(answer: Any) -> None:
    class Client:
        def put_records(self, **_: Any) -> Any:
            return answer

    confirmed, errors = reingest(
        source_of(event(), Client()), entries(3), Clock(60).time_left, lambda _: None
    )

    assert confirmed == set()
    assert sum(errors.values()) == 3 * ATTEMPTS


def test_an_answer_that_is_too_short_confirms_only_what_it_has() -> None:
    class Client:
        def put_records(self, **request: Any) -> Any:
            return {"Records": [{"SequenceNumber": "1"}] * (len(request["Records"]) - 1)}

    confirmed, errors = reingest(
        source_of(event(), Client()), entries(3), Clock(60).time_left, lambda _: None
    )

    assert confirmed == {0, 1}
    assert errors == {"NoReceipt": ATTEMPTS}


def test_an_answer_that_is_too_long_confirms_no_more_than_was_put() -> None:
    class Client:
        def put_records(self, **_: Any) -> Any:
            return {"Records": [{"SequenceNumber": "1"}] * 9}

    assert reingest(source_of(event(), Client()), entries(2), Clock(60).time_left)[0] == {0, 1}


def client(service: str) -> Any:
    """boto3's own client, as the transform makes it; nothing it sends leaves this process."""
    return boto3.client(
        service,
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_the_real_kinesis_client_takes_the_request_and_its_answer_is_understood() -> None:
    kinesis = client("kinesis")
    first = {
        "StreamARN": STREAM_ARN,
        "Records": [{"Data": b"0", "PartitionKey": "key-0"}, {"Data": b"1", "PartitionKey": "key-1"}],
    }
    second = {"StreamARN": STREAM_ARN, "Records": first["Records"][1:]}
    refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
    taken = {"SequenceNumber": "4962", "ShardId": "shardId-000000000000"}
    with Stubber(kinesis) as stub:
        stub.add_response("put_records", {"FailedRecordCount": 1, "Records": [taken, refused]}, first)
        stub.add_client_error(
            "put_records",
            "ProvisionedThroughputExceededException",
            http_status_code=400,
            expected_params=second,
        )
        stub.add_response("put_records", {"Records": [taken]}, second)  # the count may be absent

        confirmed, errors = reingest(
            source_of(event(), kinesis), entries(2, 1), Clock(60).time_left, lambda _: None
        )

        stub.assert_no_pending_responses()
    assert (confirmed, dict(errors)) == ({0, 1}, {"ProvisionedThroughputExceededException": 2})


def test_the_real_firehose_client_takes_the_request_and_its_answer_is_understood() -> None:
    firehose = client("firehose")
    first = {"DeliveryStreamName": "archive", "Records": [{"Data": b"0"}, {"Data": b"1"}]}
    second = {"DeliveryStreamName": "archive", "Records": [{"Data": b"0"}]}
    refused = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
    with Stubber(firehose) as stub:
        answer = {"FailedPutCount": 1, "RequestResponses": [refused, {"RecordId": "r"}]}
        stub.add_response("put_record_batch", answer, first)
        stub.add_client_error(
            "put_record_batch", "ServiceUnavailableException", http_status_code=503, expected_params=second
        )
        stub.add_response(
            "put_record_batch", {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "r"}]}, second
        )
        source = source_of(event(source="direct"), firehose)

        confirmed, errors = reingest(source, entries(2, 1), Clock(60).time_left, lambda _: None)

        stub.assert_no_pending_responses()
    assert (confirmed, dict(errors)) == ({0, 1}, {"ServiceUnavailableException": 2})


def test_puts_on_a_kinesis_sourced_delivery_stream_are_never_tried() -> None:
    assert event()["deliveryStreamArn"] == DELIVERY_ARN
    service = FakeService("kinesis")

    put(service, entries(1))

    assert service.calls == [1]


@pytest.mark.parametrize(("source", "service"), [("kinesis", "kinesis"), ("direct", "firehose")])
def test_the_client_is_made_for_the_region_of_the_source_and_does_not_retry(
    source: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(boto3, "client", lambda name, **options: made.append((name, options)))

    source_of(event(source=source))

    ((name, options),) = made
    assert (name, options["region_name"]) == (service, "eu-west-1")
    assert options["config"].retries == {"total_max_attempts": 1}
    assert options["config"].connect_timeout + options["config"].read_timeout < LEAST_TIME_LEFT_S


def test_an_unexpected_error_leaves_confirmed_entries_confirmed() -> None:
    calls: list[int] = []

    def put(entries: Sequence[Entry]) -> list[str | None]:
        calls.append(len(entries))
        if len(calls) > 1:
            raise RuntimeError("secret of an item")
        return [None] * len(entries)

    entries = [Entry(position, b"x", "k") for position in range(3)]
    confirmed, errors = reingest(Target(put, 2, 1_000), entries, lambda: 60.0, lambda seconds: None)

    assert calls == [2, 1]
    assert confirmed == {0, 1}
    assert errors == {"RuntimeError": 1}
