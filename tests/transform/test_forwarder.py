"""The Streams road: stories in which something breaks, each with a ledger that closes by another count."""

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.fakes import FakeS3, client_error
from tests.strategies import changes, disfigured, seeds
from tests.transform.builders import settings
from tests.transform.fakes_forwarder import (
    FUNCTION_ARN,
    SECOND,
    Context,
    Killed,
    Road,
    oversized,
    poison,
    removal,
    timeout,
)
from tests.transform.test_metrics import valid_emf
from ttl_archive.infra.local.firehose.puts import throttled
from ttl_archive.transform.convert import Drop, Row, converter
from ttl_archive.transform.errors import RecordError, SettingsError
from ttl_archive.transform.source_bytes import source_bytes

UNAVAILABLE = "ServiceUnavailableException"


def road(**keys: Any) -> Road:
    return Road(settings(**keys))


def sequence(number: int) -> str:
    return str(700_000_000_000_888_747_038 + number)


def large(number: int) -> dict[str, Any]:
    """A removal whose row has more than half the size of a Firehose record, so that it fills one alone."""
    return removal(number, {"text": {"S": "x" * 300_000}})


def test_a_batch_becomes_rows_in_one_firehose_record_in_their_order() -> None:
    made = road()
    records = [removal(n) for n in range(100)]

    assert made.invoke(records) == []
    assert [len(call) for call in made.firehose.calls] == [1]
    lines = made.firehose.calls[0][0].splitlines(keepends=True)
    assert lines == [converter(made.settings)(source_bytes(record)).line for record in records]
    made.check_ledger(records)


def test_what_the_settings_do_not_keep_is_dropped_and_counted() -> None:
    made = road()
    user = {name: value for name, value in removal(1).items() if name != "userIdentity"}
    records = [removal(0), user, removal(2) | {"eventName": "MODIFY"}]

    made.consume(records)

    made.check_ledger(records, dropped=["event-1", "event-2"])
    assert (made.logs[0]["DroppedUserRemoval"], made.logs[0]["DroppedNotRemoval"]) == (1, 1)


def test_a_batch_without_rows_makes_no_call() -> None:
    made = road(changes="all-but-ttl-removals")

    assert made.invoke([removal(0)]) == []
    assert made.invoke([]) == []
    assert (made.firehose.calls, made.bucket.objects) == ([], {})


def test_the_answer_has_the_members_that_the_developer_guide_documents() -> None:
    """Its literals: under another name, Lambda might take a failure for success (UNVERIFIED)."""
    forward = road().forward

    assert forward({"Records": [removal(0)]}, Context(seconds=0)) == {
        "batchItemFailures": [{"itemIdentifier": "700000000000888747038"}]
    }
    assert forward({"Records": [removal(0)]}, Context()) == {"batchItemFailures": []}


def test_the_function_response_type_is_one_that_lambda_knows() -> None:
    model = botocore.session.get_session().get_service_model("lambda")

    assert model.shape_for("FunctionResponseType").enum == ["ReportBatchItemFailures"]


def test_a_partly_refused_call_is_put_again_without_what_was_confirmed() -> None:
    made = road()
    records = [large(n) for n in range(3)]
    refusals = iter([{1: UNAVAILABLE}])
    made.made.firehose.before_put = lambda name, data: next(refusals, {})

    assert made.invoke(records) == []
    assert [len(call) for call in made.firehose.calls] == [3, 1]
    made.check_ledger(records)
    assert made.logs[0]["putErrors"] == {UNAVAILABLE: 1}


def test_the_first_record_that_is_not_confirmed_is_retried_with_all_after_it() -> None:
    made = road()
    records = [large(n) for n in range(4)]
    made.made.firehose.before_put = lambda name, data: {n: UNAVAILABLE for n in range(len(data)) if n == 1}

    failed = made.invoke(records, seconds=10.5, step_s=0.4)
    made.made.firehose.before_put = lambda name, data: {}
    made.consume(records[1:])

    assert failed == [sequence(1)]
    assert made.logs[0]["RecordsDelivered"] == 1
    assert made.logs[0]["RecordsReturned"] == 3
    made.check_ledger(records, copies=2)  # the third and the fourth were confirmed the first time too


def test_a_throttled_call_is_retried_while_there_is_time() -> None:
    made = road()
    faults = [throttled(), throttled()]

    def fault(name: str, data: Any) -> dict[int, str]:
        if faults:
            raise faults.pop()
        return {}

    made.made.firehose.before_put = fault
    records = [removal(n) for n in range(10)]

    assert made.invoke(records) == []
    made.check_ledger(records)


def test_no_call_is_made_that_could_not_end_in_time() -> None:
    made = road()

    assert made.invoke([removal(0), removal(1)], seconds=9) == [sequence(0)]
    assert made.firehose.calls == []
    assert made.logs[0]["putErrors"] == {"NoTimeLeft": 1}


def test_a_call_that_timed_out_after_it_was_taken_can_duplicate_and_never_lose() -> None:
    made = road()
    faults = [timeout()]

    def fault(_: int) -> None:
        if faults:
            raise faults.pop()

    made.firehose.after = fault
    records = [removal(n) for n in range(10)]

    assert made.invoke(records) == []
    made.check_ledger(records, copies=10)


@pytest.mark.parametrize(("moment", "copies"), [("before", 0), ("after", 3)])
def test_a_function_that_is_killed_at_a_put_loses_nothing(moment: str, copies: int) -> None:
    made = road()
    records = [removal(n) for n in range(3)]

    def kill(number: int) -> None:
        if number == 0:
            raise Killed

    setattr(made.firehose, moment, kill)
    made.consume(records)

    made.check_ledger(records, copies=copies)


@pytest.mark.parametrize(("bad", "code"), [(poison, "BadNumber"), (oversized, "RowTooLarge")])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_record_neither_blocks_the_shard_nor_loses_its_neighbours(
    bad: Callable[[int], dict[str, Any]], code: str, place: int
) -> None:
    made = road()
    records = [bad(n) if n == place else removal(n) for n in range(3)]

    assert made.invoke(records) == []
    assert made.failed() == {f"event-{place}": 1}
    assert made.failed_data() == [source_bytes(records[place])]
    assert [line["errorCode"] for line in made.error_lines()] == [f"Forwarder.{code}"]
    made.check_ledger(records)


def test_bad_records_of_a_batch_share_an_error_object_where_the_replay_commands_look() -> None:
    made = road()
    made.invoke([poison(0), removal(1), oversized(2)])
    (key,) = made.bucket.listed()

    assert key.startswith("errors/devices/processing-failed/dt=20")
    assert [set(line) for line in made.error_lines()] == 2 * [
        {
            "rawData",
            "errorCode",
            "errorMessage",
            "attemptsMade",
            "arrivalTimestamp",
            "attemptEndingTimestamp",
            "lambdaARN",
        }
    ]
    assert made.error_lines()[0]["lambdaARN"] == FUNCTION_ARN
    assert made.error_lines()[0]["attemptsMade"] == 1


def test_a_record_is_not_acknowledged_before_its_error_object_is_confirmed() -> None:
    made = road()
    made.bucket.fail_puts = -1
    records = [removal(0), poison(1), removal(2), poison(3)]

    failed = made.invoke(records, seconds=24, step_s=3)
    made.bucket.fail_puts = 0
    made.consume(records[1:])

    assert failed == [sequence(1)]
    assert made.logs[0]["RecordsFailed"] == 0
    made.check_ledger(records, copies=1)  # the third record's row shared a put with the first


def test_an_error_object_whose_put_fails_once_is_put_again_under_its_name() -> None:
    made = road()
    made.bucket.fail_puts = 1

    assert made.invoke([poison(0)]) == []
    assert len(made.bucket.listed()) == 1
    assert made.logs[0]["putErrors"] == {"InternalError": 1}


def test_a_bucket_that_denies_the_put_blocks_the_record_and_nothing_is_lost() -> None:
    made = road()

    def deny(**_: Any) -> Any:
        raise client_error("AccessDenied", "PutObject", 403)

    made.bucket.put_object = deny  # type: ignore[method-assign]

    assert made.invoke([removal(0), poison(1)]) == [sequence(1)]
    assert made.logs[0]["putErrors"] == {"AccessDenied": 1}


def test_bad_records_after_an_unconfirmed_row_wait_for_their_next_delivery() -> None:
    made = road()
    made.made.firehose.before_put = lambda name, data: dict.fromkeys(range(len(data)), UNAVAILABLE)
    records = [poison(0), removal(1), poison(2)]

    assert made.invoke(records, seconds=21, step_s=0.4) == [sequence(1)]
    assert made.failed() == {"event-0": 1}

    made.made.firehose.before_put = lambda name, data: {}
    made.consume(records[1:])
    made.check_ledger(records)


def test_a_batch_that_was_bisected_to_one_record_closes_the_ledger() -> None:
    """Lambda halves a batch whose function died until the record that kills it is alone."""
    made = road()
    records = [removal(n) for n in range(8)]

    def kill(number: int) -> None:
        if any(b"item-5" in data for data in made.firehose.calls[number]):
            raise Killed

    made.firehose.before = kill
    discarded = []

    def deliver(some: list[dict[str, Any]]) -> None:
        try:
            assert made.invoke(some) == []
        except Killed:
            if len(some) == 1:
                discarded.extend(some)  # the mapping writes it to its on-failure destination
                return
            half = len(some) // 2
            deliver(some[:half])
            deliver(some[half:])

    deliver(records)

    assert [record["eventID"] for record in discarded] == ["event-5"]
    made.check_ledger([record for record in records if record not in discarded])


@pytest.mark.parametrize("broken", [None, "x", 1, [], {}, {"dynamodb": None}, {"dynamodb": {}}])
def test_a_record_that_is_no_change_record_becomes_an_error_line(broken: Any) -> None:
    made = road()

    assert made.invoke([removal(0), broken, removal(2)]) == []
    assert made.failed_data() == [json.dumps(broken, separators=(",", ":")).encode()]
    assert made.delivered().total() == 2


def test_a_record_without_a_sequence_number_fails_the_whole_batch_when_it_is_not_confirmed() -> None:
    made = road()
    made.bucket.fail_puts = -1

    assert made.invoke([{}], seconds=10.5, step_s=0.4) == [""]


def test_half_a_surrogate_pair_is_refused_and_kept() -> None:
    made = road()
    record = removal(0, {"text": {"S": "\ud800"}})

    assert made.invoke([record]) == []
    assert json.loads(made.failed_data()[0]) == record


@pytest.mark.parametrize("when", [SECOND, float(SECOND), str(SECOND), f"{SECOND}.0"])
def test_the_time_is_read_as_a_number_and_as_a_text(when: Any) -> None:
    made = road()

    assert made.invoke([removal(0, dynamodb={"ApproximateCreationDateTime": when})]) == []
    assert json.loads(made.firehose.calls[0][0])["ddb_event_us"] == SECOND * 1_000_000


@pytest.mark.parametrize("when", ["", "soon", "nan", "1e9", "１"])
def test_a_time_that_is_no_number_is_refused(when: str) -> None:
    made = road()
    made.invoke([removal(0, dynamodb={"ApproximateCreationDateTime": when})])

    assert made.failed().total() == 1


def test_an_event_over_6_mb_is_answered_like_any_other() -> None:
    """It is not known whether Lambda passes such an event on (UNVERIFIED)."""
    made = road(changes="all")
    record = removal(0, dynamodb={"NewImage": {"list": {"L": [{"S": ""}] * 400_000}}})
    record |= {
        "eventName": "MODIFY",
        "dynamodb": record["dynamodb"] | {"OldImage": record["dynamodb"]["NewImage"]},
    }

    assert len(json.dumps(record)) > 6 * 1024 * 1024
    assert made.invoke([record]) == []
    made.check_ledger([record])


def test_the_log_line_is_valid_and_its_counts_add_up_without_any_content() -> None:
    made = road()
    user = {name: value for name, value in removal(3).items() if name != "userIdentity"}
    made.invoke([removal(0, {"secret": {"S": "mArKeR7"}}), poison(1), oversized(2), user])
    (log,) = made.logs

    valid_emf(json.dumps(log))
    assert (log["RecordsReceived"], log["RecordsDelivered"], log["RecordsDropped"]) == (4, 1, 1)
    assert (log["RecordsFailed"], log["RecordsReturned"]) == (2, 0)
    assert log["BytesPut"] == len(made.firehose.calls[0][0])
    assert (log["FirehoseRecords"], log["BytesBilled"]) == (1, 5120)
    assert log["failedByCode"] == {"BadNumber": 1, "RowTooLarge": 1}
    assert log["failures"][0] == {"recordId": sequence(1), "code": "BadNumber"}
    assert "mArKeR7" not in json.dumps(log)
    assert "item-" not in json.dumps(log)


def test_what_firehose_bills_is_counted_in_steps_of_5_kib_a_record() -> None:
    made = road()
    made.invoke([large(0), large(1)])
    sizes = [len(data) for data in made.firehose.calls[0]]

    assert made.logs[0]["BytesBilled"] == sum((size + 5119) // 5120 * 5120 for size in sizes)


def test_partitioning_by_event_is_refused_with_the_reason() -> None:
    with pytest.raises(SettingsError, match=r'partition_by has value "event".*Use "arrival"'):
        road(partition_by="event")


@hypothesis_settings(max_examples=40)
@given(
    st.lists(changes("streams"), max_size=6, unique_by=lambda each: each["eventID"]),
    st.sampled_from(["ttl-removals", "removals", "all", "all-but-ttl-removals"]),
    st.booleans(),
    st.lists(st.booleans(), max_size=6),
    seeds,
)
def test_every_record_is_a_row_a_drop_or_an_error_line(
    records: list[Any], mode: str, infer: bool, damaged: list[bool], random: Any
) -> None:
    """The verdicts are those of the transform, whatever the batch holds."""
    made = road(changes=mode, infer_replica_ttl=infer)
    events = [
        disfigured(record, random) if is_damaged else record
        for record, is_damaged in zip(records, [*damaged, *[False] * len(records)], strict=False)
    ]
    convert = converter(made.settings)
    lines, failed = [], []
    for event in events:
        try:
            verdict = convert(source_bytes(event))
        except RecordError:
            failed.append(source_bytes(event))
        else:
            assert isinstance(verdict, Row | Drop)
            lines += [verdict.line] if isinstance(verdict, Row) else []

    assert made.invoke(events) == []
    assert b"".join(data for call in made.firehose.calls for data in call) == b"".join(lines)
    assert made.failed_data() == failed
    log = made.logs[0]
    assert log["RecordsReceived"] == len(events)
    assert log["RecordsDropped"] == len(events) - len(lines) - len(failed)


def test_ten_thousand_removals_close_the_ledger_within_firehoses_limits() -> None:
    """Firehose itself refuses a record over 1,024,000 bytes and a call over 500 records or 4 MiB."""
    made = road()
    records = [removal(n, {"text": {"S": "x" * 600}}) for n in range(10_000)]

    made.consume(records)

    made.check_ledger(records)
    assert all(sum(map(len, call)) <= 4_194_304 for call in made.firehose.calls)
    assert max(len(data) for call in made.firehose.calls for data in call) <= 1_024_000
    assert sum(map(len, made.firehose.calls)) < 20


def test_the_bucket_must_confirm_an_error_object_with_its_etag() -> None:
    made = road()
    made.bucket.put_object = lambda **_: {}  # type: ignore[method-assign]

    assert isinstance(made.bucket, FakeS3)
    assert made.invoke([poison(0)], seconds=10.5, step_s=0.4) == [sequence(0)]
    assert made.logs[0]["putErrors"]["NoReceipt"] >= 1


def test_a_slow_delivery_stream_leaves_time_for_the_error_object() -> None:
    """Else a record that is refused would be delivered again for ever, and block the records after it."""
    made = road()
    made.made.firehose.before_put = lambda name, data: dict.fromkeys(range(len(data)), UNAVAILABLE)

    made.invoke([poison(0), removal(1)], seconds=21, step_s=0.4)

    assert (made.logs[0]["RecordsFailed"], made.failed()) == (1, {"event-0": 1})
