"""Messages of a queue become items with a TTL stamp; what cannot be written is refused or returned."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import client_error
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.ingest import batch_ingester, table_writer
from ttl_archive.transform.ingest_dead_letters import dead_letter_queue
from ttl_archive.transform.ingest_settings import load_ingest, parse_ingest
from ttl_archive.transform.ingest_writes import write_stamped_items
from ttl_archive.transform.settings import parse

SENT_MS = 1_700_000_000_000
DAY_S = 86_400
SECTION = {"keys": {"device": "{device}", "at": "{time}"}, "time": "time", "retention_days": 10}


def settings(**section: Any) -> Any:
    return parse(
        {
            "table": {"name": "Readings", "ttl_attribute": "expiresAt"},
            "ingest": {**SECTION, **section},
        }
    )


def message(body: Any, message_id: str = "m1") -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": message_id, "body": text, "attributes": {"SentTimestamp": str(SENT_MS)}}


def reading(time: Any = 1_700_000_000, **more: Any) -> dict[str, Any]:
    return {"device": "d1", "time": time, **more}


class FakeTable:
    """A table that refuses illegal items, and returns others unprocessed as often as `busy` says."""

    def __init__(self, is_illegal: Callable[[Any], bool] = lambda item: False, busy: int = 0) -> None:
        self.items: dict[str, Any] = {}
        self.calls: list[int] = []
        self.errors: list[str] = []
        self._is_illegal, self._busy = is_illegal, busy

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((table, requests),) = RequestItems.items()
        items = [request["PutRequest"]["Item"] for request in requests]
        keys = [json.dumps([item["device"], item["at"]]) for item in items]
        self.calls.append(len(items))
        if self.errors:
            raise client_error(self.errors.pop(0), "BatchWriteItem")
        if len(items) > 25 or len(set(keys)) < len(keys) or any(map(self._is_illegal, items)):
            raise client_error("ValidationException", "BatchWriteItem")
        done = len(items)
        if self._busy:
            self._busy, done = self._busy - 1, done // 2
        self.items |= dict(zip(keys[:done], items, strict=False))
        return {"UnprocessedItems": {table: requests[done:]} if requests[done:] else {}}

    def stored(self) -> list[Any]:
        return list(self.items.values())


class FakeQueue:
    """A dead-letter queue."""

    def __init__(self, error: str = "") -> None:
        self.sent: list[tuple[str, str | None]] = []
        self.attributes: list[dict[str, Any]] = []
        self.error = error

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Any) -> dict[str, str]:
        if self.error:
            raise client_error(self.error, "SendMessage")
        assert len(MessageAttributes) <= 10  # Source: SQSD, quotas-messages
        self.sent.append((MessageBody, MessageAttributes.get("ErrorCode", {}).get("StringValue")))
        self.attributes.append(MessageAttributes)
        return {"MessageId": "1"}


class Context:
    aws_request_id = "request"

    def __init__(self, seconds: Sequence[float] = (60,)) -> None:
        self._seconds = list(seconds)

    def get_remaining_time_in_millis(self) -> int:
        left = self._seconds.pop(0) if len(self._seconds) > 1 else self._seconds[0]
        return int(left * 1000)


class Run:
    """One batch, and what became of it."""

    def __init__(
        self, *messages: Any, table: FakeTable | None = None, queue: FakeQueue | None = None,
        context: Context | None = None, **section: Any,
    ) -> None:  # fmt: skip
        chosen = settings(**section)
        ingest = load_ingest(chosen)
        assert ingest is not None
        self.table, self.queue = table or FakeTable(), queue or FakeQueue()
        handler = batch_ingester(
            chosen, ingest, table_writer(self.table, "Readings"), dead_letter_queue(self.queue, "url")
        )
        answer = handler({"Records": list(messages)}, context or Context())
        self.returned = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def only_item(run: Run) -> Any:
    (item,) = run.table.stored()
    return item


def log(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


# Readings


@pytest.mark.parametrize(
    ("body", "section"),
    [
        (reading(), {}),
        ([reading()], {}),
        (base64.b64encode(json.dumps(reading()).encode()).decode(), {}),
        (f"  \n{json.dumps(reading())}\n", {}),
        ({"data": {"readings": [reading()]}}, {"readings": "data.readings"}),
        ({"data": {"readings": reading()}}, {"readings": "data.readings"}),
        (
            {"device": "d1", "readings": [{"time": 1_700_000_000}]},
            {"readings": "readings", "take": ["device"]},
        ),
    ],
    ids=["bare", "list", "base64", "blanks", "envelope", "one in an envelope", "taken from the envelope"],
)
def test_each_form_of_a_message_has_the_same_item(body: Any, section: dict[str, Any]) -> None:
    run = Run(message(body), **section)

    assert only_item(run) == {
        "device": {"S": "d1"},
        "time": {"N": "1700000000"},
        "at": {"N": "1700000000"},
        "expiresAt": {"N": str(1_700_000_000 + 10 * DAY_S)},
    }
    assert (run.returned, run.queue.sent) == ([], [])


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000_999, 1_700_000_000),
        ("1700000000", 1_700_000_000),
        (1_700_000_000.75, 1_700_000_000),
        (99_999_999_999, 99_999_999_999),  # the last that is seconds
        (100_000_000_000, None),  # milliseconds of March 1973: the item would never be removed
    ],
)
def test_a_time_is_seconds_or_milliseconds_by_its_size(time: Any, seconds: int | None) -> None:
    run = Run(message(reading(time)), keys={"device": "{device}", "at": "{device}"})

    if seconds is None:
        assert [code for _, code in run.queue.sent] == ["ExpiredTooLongAgo"]
    else:
        assert only_item(run)["expiresAt"] == {"N": str(seconds + 10 * DAY_S)}


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,37})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True))
def test_a_number_keeps_its_digits(digits: str) -> None:
    body = f'{{"device":"d","time":1700000000,"value":{digits},"list":[{{"v":{digits}}}]}}'
    run = Run(message(body))

    item = only_item(run)
    assert item["value"] == {"N": digits}
    assert item["list"] == {"L": [{"M": {"v": {"N": digits}}}]}


def test_every_type_of_json_is_an_attribute_value() -> None:
    item = only_item(Run(message(reading(t="x", e="", b=True, n=None, m={"a": [1, "2", False]}))))

    assert {name: item[name] for name in "tebnm"} == {
        "t": {"S": "x"},
        "e": {"S": ""},
        "b": {"BOOL": True},
        "n": {"NULL": True},
        "m": {"M": {"a": {"L": [{"N": "1"}, {"S": "2"}, {"BOOL": False}]}}},
    }


def test_a_template_joins_texts_and_members() -> None:
    run = Run(
        message(reading(place={"room": "r1"})), keys={"device": "{device}", "at": "{place.room}#{time}"}
    )

    assert only_item(run)["at"] == {"S": "r1#1700000000"}


@pytest.mark.parametrize(
    ("body", "section", "code"),
    [
        ("not json", {}, "BadBody"),
        ("{", {}, "BadBody"),
        ("[NaN]", {}, "BadBody"),
        ('{"a":"\ud800"}', {}, "BadBody"),
        ("[" * 100 + "]" * 100, {}, "TooDeep"),
        ([], {}, "NoReadings"),
        ({"other": 1}, {"readings": "readings"}, "NoReadings"),
        ([1], {}, "BadReading"),
        ([[reading()]], {}, "BadReading"),
        ({"device": "d"}, {}, "MissingMember"),
        ({"readings": [reading()]}, {"readings": "readings", "take": ["site"]}, "MissingMember"),
        ({"time": 1_700_000_000}, {}, "MissingMember"),
        (reading(device=""), {}, "BadKey"),
        (reading(device=True), {}, "BadKey"),
        (reading(device={"a": 1}), {}, "BadKey"),
        (reading(at="other"), {}, "TwoValues"),
        (reading(expiresAt=1), {}, "TwoValues"),
        ({"device": "x", "r": [reading()]}, {"readings": "r", "take": ["device"]}, "TwoValues"),
        *((reading(bad), {}, "BadTime") for bad in
          (0, -1, "soon", True, None, 10**14, "1_700_000_000", "1E999999999", [1_700_000_000])),
        (reading(1_500_000_000), {}, "ExpiredTooLongAgo"),
    ],
)  # fmt: skip
def test_a_bad_message_goes_to_the_dead_letter_queue_with_its_code(
    body: Any, section: dict[str, Any], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = message(body, "bad"), message([reading(1_700_000_001)], "good")
    if section:
        good = message({"r": reading(), "readings": reading(), "device": "d1", "site": "s"}, "good")
    run = Run(bad, good, **section)

    assert run.queue.sent == [(bad["body"], code)]
    assert run.returned == []
    assert len(run.table.stored()) == 1
    line = log(capsys)
    assert line["failedByCode"] == {code: 1}
    assert (line["MessagesReceived"], line["MessagesStored"], line["MessagesRefused"]) == (2, 1, 1)


def test_the_good_readings_of_a_bad_message_are_written() -> None:
    run = Run(message([reading(), reading("soon"), reading(1_700_000_001)]))

    assert len(run.table.stored()) == 2
    assert [code for _, code in run.queue.sent] == ["BadTime"]


def test_a_bad_message_is_returned_while_the_dead_letter_queue_refuses_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Run(message("bad", "m1"), message(reading(), "m2"), queue=FakeQueue("AccessDenied"))

    assert run.returned == ["m1"]
    assert (log(capsys)["MessagesReturned"], len(run.table.stored())) == (1, 1)


def test_a_bad_message_keeps_its_own_attributes_and_gets_the_new_reason() -> None:
    empty = {"stringListValues": [], "binaryListValues": []}  # Source: LDG, with-sqs, the example event
    own = {
        "site": {"stringValue": "north", "dataType": "String", **empty},
        "height": {"stringValue": "38.90", "dataType": "Number.float", **empty},
        "photo": {"binaryValue": "AAEC", "dataType": "Binary.gif", **empty},
        "ErrorCode": {"stringValue": "BadTime", "dataType": "String", **empty},  # it was moved back
    }
    run = Run(message("no json", "bad") | {"messageAttributes": own})

    assert run.queue.attributes == [
        {
            "site": {"DataType": "String", "StringValue": "north"},
            "height": {"DataType": "Number.float", "StringValue": "38.90"},
            "photo": {"DataType": "Binary.gif", "BinaryValue": b"\x00\x01\x02"},
            "ErrorCode": {"DataType": "String", "StringValue": "BadBody"},
        }
    ]


def test_a_message_with_ten_attributes_has_no_room_for_the_reason() -> None:
    own = {f"a{n}": {"stringValue": "x", "dataType": "String"} for n in range(10)}
    run = Run(message("no json", "bad") | {"messageAttributes": own})

    assert set(run.queue.attributes[0]) == set(own)
    assert (run.queue.sent, run.returned) == ([("no json", None)], [])


def test_bad_messages_are_returned_when_the_time_is_nearly_over() -> None:
    run = Run(message("bad", "m1"), message("bad", "m2"), context=Context([60, 1]))

    assert len(run.queue.sent) == 1
    assert run.returned == ["m2"]


def test_an_unexpected_error_returns_the_message_and_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    broken = {"messageId": "m1", "body": json.dumps(reading(secret="s3cret")), "attributes": {}}
    run = Run(broken, message(reading(), "m2"))

    assert run.returned == ["m1"]
    line = log(capsys)
    assert (line["UnexpectedErrors"], line["failures"][0]["error"]) == (1, "KeyError")
    assert len(run.table.stored()) == 1


def test_nothing_of_a_message_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "s3cret"
    Run(
        message(reading(secret, note=secret), "m1"),
        message(secret, "m2"),
        message(reading(note=secret, too="large"), "m3"),
        message({"device": secret, "time": 1_700_000_000}, "m4"),
        table=FakeTable(lambda item: "too" in item),
    )

    assert secret not in capsys.readouterr().out


# Duplicate keys


@pytest.mark.parametrize(("duplicates", "kept"), [("newest", "b"), ("last", "c")])
def test_of_two_readings_of_a_key_the_declared_one_is_written(
    duplicates: str, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {"a": 1_700_000_000, "b": 1_700_000_002, "c": 1_700_000_001}
    readings = [message(reading(time, name=name), name) for name, time in times.items()]
    run = Run(*readings, keys={"device": "{device}", "at": "{device}"}, duplicates=duplicates)

    assert only_item(run)["name"] == {"S": kept}
    line = log(capsys)
    assert (line["ReadingsStored"], line["ReadingsSuperseded"], line["MessagesStored"]) == (1, 2, 3)


def test_readings_of_one_key_that_differ_are_refused_where_that_is_declared() -> None:
    run = Run(message(reading(v=1), "a"), message(reading(v=2), "b"), duplicates="refuse")

    assert run.table.stored() == []
    assert [code for _, code in run.queue.sent] == ["DuplicateKey", "DuplicateKey"]


def test_equal_readings_are_one_whatever_is_declared() -> None:
    run = Run(message(reading(), "a"), message(reading(), "b"), duplicates="refuse")

    assert (len(run.table.stored()), run.queue.sent) == (1, [])


def test_keys_are_equal_when_their_numbers_are() -> None:
    run = Run(message('[{"device":"d","time":1700000000},{"device":"d","time":1700000000.0}]'))

    assert len(run.table.stored()) == 1


def test_a_superseded_reading_is_tried_alone_after_dynamodb_refused_the_other() -> None:
    messages = [message(reading(v="legal"), "a"), message(reading(v="illegal"), "b")]
    run = Run(*messages, table=FakeTable(lambda item: item["v"] == {"S": "illegal"}), duplicates="last")

    assert run.returned == ["a"]
    assert [code for _, code in run.queue.sent] == ["RefusedByDynamoDB"]


# Writes


def test_an_item_that_dynamodb_refuses_fails_alone() -> None:
    readings = [message(reading(1_700_000_000 + n), f"m{n}") for n in range(60)]
    illegal = {"N": "1700000031"}
    run = Run(*readings, table=FakeTable(lambda item: item["time"] == illegal))

    assert len(run.table.stored()) == 59
    assert [code for _, code in run.queue.sent] == ["RefusedByDynamoDB"]
    assert run.returned == []
    assert max(run.table.calls) == 25


def test_unprocessed_items_are_written_by_later_calls() -> None:
    run = Run(*(message(reading(1_700_000_000 + n), f"m{n}") for n in range(30)), table=FakeTable(busy=4))

    assert len(run.table.stored()) == 30
    assert run.returned == []


def test_messages_whose_items_stay_unprocessed_until_the_time_is_up_are_returned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Run(
        *(message(reading(1_700_000_000 + n), f"m{n}") for n in range(4)),
        table=FakeTable(busy=1_000_000),
        context=Context([60, 60, 5]),
    )

    stored = {item["time"]["N"][-1] for item in run.table.stored()}
    assert sorted(run.returned) == [f"m{n}" for n in range(4) if str(n) not in stored]
    assert 0 < len(run.returned) < 4
    assert log(capsys)["failedByCode"] == {"Unprocessed": len(run.returned)}


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
def test_a_call_that_processed_nothing_is_made_again(code: str) -> None:
    table = FakeTable()
    table.errors = [code, code]
    run = Run(message(reading()), table=table)

    assert (len(run.table.stored()), run.returned) == (1, [])


def test_a_table_that_is_not_there_returns_every_message(capsys: pytest.CaptureFixture[str]) -> None:
    table = FakeTable()
    table.errors = ["ResourceNotFoundException"]
    run = Run(message(reading()), table=table)

    assert run.returned == ["m1"]
    assert log(capsys)["failedByCode"] == {"ResourceNotFoundException": 1}


def test_without_time_no_call_is_made() -> None:
    run = Run(message(reading()), context=Context([1]))

    assert (run.returned, run.table.calls) == (["m1"], [])


def test_a_returned_item_that_was_not_sent_makes_the_call_count_for_nothing() -> None:
    class Strange(FakeTable):
        def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
            super().batch_write_item(RequestItems=RequestItems)
            other = {"device": {"S": "other"}, "at": {"N": "1"}}
            return {"UnprocessedItems": {"Readings": [{"PutRequest": {"Item": other}}]}}

    run = Run(message(reading()), table=Strange(), context=Context([60, 1]))
    assert run.returned == ["m1"]


def test_nothing_to_write_makes_no_call() -> None:
    assert write_stamped_items(None, "Readings", [], lambda: 60.0) == []


# Settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keys": {"device": "fixed"}}, "[ingest] keys has value {'device': 'fixed'}"),
        ({"keys": {"device": "{a!r}"}}, "It must be a table of key attributes and templates"),
        ({"keys": {"device": "{a:>3}"}}, "It must be a table of key attributes and templates"),
        ({"keys": {"device": "{a"}}, "It must be a table of key attributes and templates"),
        ({"keys": {"device": "{}"}}, "It must be a table of key attributes and templates"),
        ({"keys": {}}, "It must be a table of key attributes and templates"),
        ({"keys": {"a": "{a}", "b": "{b}", "c": "{c}"}}, "It must be a table of key attributes"),
        ({"keys": {"expiresAt": "{a}"}}, 'has the TTL attribute "expiresAt". Choose another key'),
        ({"retention_days": 0}, "It must be a whole number from 1 to 36500"),
        ({"duplicates": "oldest"}, 'one of "newest", "last", "refuse"'),
        ({"take": "device"}, "It must be a list of names of the message's members"),
        ({"retention": 1}, 'Did you mean "retention_days"?'),
    ],
)
def test_a_mistake_in_the_section_is_reported(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_ingest({**SECTION, **change}, settings())
    assert message in str(caught.value)


def test_the_keys_are_those_of_the_table() -> None:
    chosen = parse({"table": {"name": "Readings", "ttl_attribute": "ttl", "keys": ["id"]}, "ingest": SECTION})

    with pytest.raises(SettingsError, match="Both must name the same attributes"):
        load_ingest(chosen)


def test_without_the_section_there_is_no_ingestion() -> None:
    assert load_ingest(parse({"table": {"name": "Readings", "ttl_attribute": "ttl"}})) is None
