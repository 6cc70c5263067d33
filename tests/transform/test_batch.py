"""One batch: every record id answered once and in order, bad records alone, within the limit, counted."""

import base64
import json
from collections import Counter
from typing import Any

import pytest
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import changes, damaged, seeds, texts, written
from tests.transform import reference
from tests.transform.builders import Result, change, encoded, event, outcome, read_row, row, run, settings
from tests.transform.fakes_reingest import Clock, FakeService, refuse
from ttl_archive.transform import batch
from ttl_archive.transform.convert import Convert, Drop, Row, converter
from ttl_archive.transform.limits import RESPONSE_BYTES, failed, response_bytes
from ttl_archive.transform.reingest import source_of
from ttl_archive.transform.settings import Settings

GOOD = encoded(change())
ROW = run(event(GOOD)).records[0]["data"]


def sent(records: list[dict[str, Any]]) -> int:
    return len(LambdaMarshaller().marshal_response({"records": records})[0].encode())


def adds_up(result: Result, received: int) -> None:
    """Received = delivered + dropped + failed + re-ingested, and the answers say the same."""
    log, results = result.log, Counter(result.results)
    assert log["RecordsReceived"] == received == len(result.records)
    assert log["RecordsDelivered"] == results["Ok"]
    assert log["RecordsFailed"] == results["ProcessingFailed"] == sum(log.get("failedByCode", {}).values())
    assert log["RecordsDropped"] + log["RecordsReingested"] == results["Dropped"]
    rules = ("DroppedNotRemoval", "DroppedUserRemoval", "DroppedTtlRemoval")
    assert log["RecordsDropped"] == sum(log[rule] for rule in rules)
    assert log["BytesReturned"] == sent(result.records)


# "NotBase64" comes before any other code; the code says where reading stopped.
BAD_TEXT = {
    "not a string": (None, "NotBase64"),
    "number": (5, "NotBase64"),
    "object": ({"a": 1}, "NotBase64"),
    "not base64": ("%%%", "NotBase64"),
    "base64 without padding": ("e30", "NotBase64"),
    "base64 of URLs": ("_-8=", "NotBase64"),
    "base64 with a newline": ("e30=\n", "NotBase64"),
    "not ASCII": ("é", "NotBase64"),
}


@pytest.mark.parametrize(("data", "code"), BAD_TEXT.values(), ids=BAD_TEXT)
def test_data_that_is_not_base64_fails_alone_and_is_not_echoed(data: Any, code: str) -> None:
    request = event(GOOD, GOOD, GOOD)
    request["records"][1]["data"] = data

    result = run(request)

    assert result.results == ["Ok", "ProcessingFailed", "Ok"]
    assert result.codes == [code]
    assert result.records[1]["data"] == ""  # text that is not base64 would make the whole answer unusable


def test_a_record_without_data_fails_alone() -> None:
    request = event(GOOD, GOOD)
    del request["records"][0]["data"]

    assert run(request).results == ["ProcessingFailed", "Ok"]


KINDS = ("ttl", "user", "insert", "modify")
DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
BAD_DATA = {
    "empty": (b"", "NotJson"),
    "white space": (b" \n", "NotJson"),
    "not JSON": (b"hello", "NotJson"),
    "two documents": (GOOD + GOOD, "NotJson"),
    "a document and more": (GOOD + b"x", "NotJson"),
    "single quotes": (GOOD.replace(b'"', b"'"), "NotJson"),
    "gzip": (b"\x1f\x8b\x08\x00", "NotUtf8"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "NotJson"),
    "UTF-16": (GOOD.decode().encode("utf-16-le"), "NotJson"),
    "null": (b"null", "NotAChangeRecord"),
    "a list": (b"[" + GOOD + b"]", "NotAChangeRecord"),
    "a string": (b'"REMOVE"', "NotAChangeRecord"),
    "a number": (b"5", "NotAChangeRecord"),
    "an empty object": (b"{}", "NotAChangeRecord"),
    "a Records envelope": (b'{"Records":[' + GOOD + b"]}", "NotAChangeRecord"),
    "another service's record": (b'{"eventName":"PutObject","eventID":"1"}', "NotAChangeRecord"),
    "5,000 levels": (DEEP, "TooDeep"),
}


@pytest.mark.parametrize(("data", "code"), BAD_DATA.values(), ids=BAD_DATA)
@pytest.mark.parametrize("mode", ["ttl-removals", "all"])
def test_data_that_is_not_a_change_record_fails_alone_with_its_bytes(
    data: bytes, code: str, mode: str
) -> None:
    result = run(event(GOOD, data, GOOD), settings(changes=mode))

    assert result.results == ["Ok", "ProcessingFailed", "Ok"]
    assert result.codes == [code]
    assert base64.b64decode(result.records[1]["data"]) == data
    assert result.log["failures"][0]["recordId"] == result.records[1]["recordId"]
    adds_up(result, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\xff", "NotUtf8"),
        (b"\xc3", "NotUtf8"),
        (b"\xed\xa0\x80", "NotUtf8"),
        (b"\xc0\x80", "NotUtf8"),
        (b"\xf4\x90\x80\x80", "NotUtf8"),
        (rb"\ud800", "NotJson"),
        (rb"\udc00\ud800", "NotJson"),
        (rb"\ud800x", "NotJson"),
        (rb"\u12", "NotJson"),
        (rb"\x41", "NotJson"),
        (b"\n", "NotJson"),
        (b"\x00", "NotJson"),
    ],
)
def test_invalid_text_fails_kept_or_not_in_a_value_or_a_name(kind: str, text: bytes, code: str) -> None:
    value = encoded(change({"x": {"S": "HERE"}}, kind=kind)).replace(b"HERE", text)
    name = encoded(change({"HERE": {"S": "x"}}, kind=kind)).replace(b"HERE", text)
    elsewhere = encoded(change(kind=kind, novelty="HERE")).replace(b"HERE", text)

    assert [outcome(data) for data in (value, name, elsewhere)] == [code] * 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "number", [b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"+1", b"1e", b"0x1", b"1_0"]
)
def test_a_number_that_json_does_not_know_fails_kept_or_not(kind: str, number: bytes) -> None:
    data = encoded(change(kind=kind, novelty="HERE")).replace(b'"HERE"', number)

    assert outcome(data) == "NotJson"


def test_an_event_without_records_has_a_response_without_records() -> None:
    for request in (event(), {"records": []}, {}):
        result = run(request)
        assert result.records == []
        adds_up(result, 0)


def test_each_of_10_000_tiny_records_is_answered() -> None:
    data = [b"{}", GOOD, encoded(change(kind="insert")), b""] * 2500

    result = run(event(*data))

    assert [record["recordId"] for record in result.records] == [
        record["recordId"] for record in event(*data)["records"]
    ]
    assert Counter(result.results) == {"ProcessingFailed": 5000, "Ok": 2500, "Dropped": 2500}
    assert sent(result.records) <= RESPONSE_BYTES
    adds_up(result, 10_000)


def test_only_the_first_failures_are_named_in_the_log() -> None:
    result = run(event(*[b"{}"] * 100))

    assert result.log["failedByCode"] == {"NotAChangeRecord": 100}
    assert len(result.codes) == 10


def test_a_direct_put_event_has_the_same_answers() -> None:
    assert run(event(GOOD, source="direct")).records[0]["data"] == ROW


either_feed = st.one_of(changes(), changes(feed="streams"))


@given(
    st.lists(st.tuples(either_feed, st.sampled_from(["whole", "whole", "damaged"])), max_size=8),
    seeds,
    st.lists(texts, min_size=8, max_size=8),
    st.sampled_from(["ttl-removals", "removals", "all", "all-but-ttl-removals"]),
    st.sampled_from(["jsonl", "csv", "envelope", "flatten", "event"]),
    st.floats(0, 1.2),
    st.sampled_from(["kinesis", "firehose"]),
    st.sampled_from(["reingest", "fail"]),
)  # fmt: skip
def test_every_record_is_answered_once_in_order_within_the_limit_and_counted(
    records: Any, random: Any, ids: list[str], mode: str, shape: str, share: float, source: str, overflow: str
) -> None:
    data = [written(record, random).encode() for record, _ in records]
    data = [damaged(d, random) if how == "damaged" else d for d, (_, how) in zip(data, records, strict=True)]
    request = event(*data, source=source)
    for record, record_id in zip(request["records"], ids, strict=False):
        record["recordId"] = record_id  # opaque, and perhaps twice the same
    config = settings(changes=mode, overflow=overflow, **_SHAPES[shape])
    whole = run(request, config, limit=10**9)
    least = response_bytes(
        [min(failed(r["recordId"]), r, key=lambda a: response_bytes([a])) for r in whole.records]
    )
    limit = least + int((sent(whole.records) - least) * share)
    service = FakeService(
        source, refuse("InternalFailure", lambda number, position: (number + position) % 2 == 0)
    )

    result = run(request, config, Clock(200), find_target=lambda e: source_of(e, service), limit=limit)

    adds_up(result, len(data))
    assert [record["recordId"] for record in result.records] == [
        record["recordId"] for record in request["records"]
    ]
    assert sent(result.records) <= limit
    assert service.times_taken() <= Counter(data)
    assert len(service.taken) == result.log["RecordsReingested"]
    for before, after in zip(whole.records, result.records, strict=True):
        assert (
            after == before
            or before["result"] == "Ok"
            or (before["result"], after["data"]) == ("ProcessingFailed", "")
        )
        assert after["result"] != "Ok" or after == before
    if mode == "ttl-removals":
        malformed = [n for n, d in enumerate(data) if reference.outcome(d) == reference.Malformed]
        assert {result.results[n] for n in malformed} <= {"ProcessingFailed"}


_SHAPES: dict[str, dict[str, Any]] = {
    "jsonl": {},
    "csv": {"format": "csv", "columns": {"device": "ttl", "deep": "M.S"}},
    "envelope": {"row": "envelope"},
    "flatten": {"nested": "flatten", "image": False},
    "event": {"partition_by": "event"},
}


def test_a_kept_item_of_400_kb_is_delivered() -> None:
    image = {"x": {"S": "é" * 200_000}}

    assert row(image)["x"] == "é" * 200_000


class _Broken(dict[str, Any]):
    """A record that meets a mistake of ours: reading its data raises what nobody expects."""

    def __getitem__(self, name: str) -> Any:
        if name == "data":
            raise ZeroDivisionError("secret of the item")
        return super().__getitem__(name)


def test_an_unexpected_error_while_reading_fails_that_record_alone() -> None:
    request = event(GOOD, GOOD, GOOD)
    request["records"][1] = _Broken(request["records"][1])

    tells_a_mistake_of_ours(run(request))


def test_an_unexpected_error_while_making_a_row_fails_that_record_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poison = encoded(change({"id": {"S": "poison"}}))

    def with_a_mistake(config: Settings) -> Convert:
        convert = converter(config)

        def broken(data: bytes) -> Row | Drop:
            if data == poison:
                raise ZeroDivisionError("secret of the item")
            return convert(data)

        return broken

    monkeypatch.setattr(batch, "converter", with_a_mistake)

    tells_a_mistake_of_ours(run(event(GOOD, poison, GOOD)))


def tells_a_mistake_of_ours(result: Result) -> None:
    """The second of three records failed alone, and the log has the mistake's type and place only."""
    assert result.results == ["Ok", "ProcessingFailed", "Ok"]
    (failure,) = result.log["failures"]
    assert set(failure) == {"recordId", "code", "error", "where"}
    assert (failure["code"], failure["error"]) == ("UnexpectedError", "ZeroDivisionError")
    assert failure["where"].startswith("test_batch.py:")
    assert "secret" not in result.log_text
    assert result.log["UnexpectedErrors"] == 1
    adds_up(result, 3)


def test_the_rows_of_a_batch_concatenated_are_lines() -> None:
    result = run(event(*(encoded(change({"n": {"N": str(n)}})) for n in range(5))))

    joined = b"".join(result.lines)

    assert [read_row(line + b"\n")["n"] for line in joined.split(b"\n")[:-1]] == [*map(_digits, range(5))]
    assert json.loads(joined.split(b"\n")[0])


def _digits(n: int) -> Any:
    return read_row(b'{"n":%d}\n' % n)["n"]
