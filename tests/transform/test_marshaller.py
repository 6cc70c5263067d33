"""The marshaller is the runtime client's own in all but speed, and is left out where it has no place."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.transform.builders import change, encoded, event, settings
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime
from ttl_archive.transform.batch import batch_transform
from ttl_archive.transform.limits import Entry, dropped, failed, response_bytes
from ttl_archive.transform.marshaller import JSON, Marshaller, install
from ttl_archive.transform.reingest import Target

DEFAULT = LambdaMarshaller()
OURS = Marshaller(DEFAULT)

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
names_and_texts = st.text(st.characters())
answers = st.builds(dropped, names_and_texts) | st.builds(failed, names_and_texts, st.just("aGVsbG8="))

CONFIG = '[table]\nname = "DeviceData"\nttl_attribute = "expiredAt"\n'
EVENT = {
    "invocationId": "1",
    "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/d",
    "region": "us-east-1",
    "records": [
        {"recordId": "49-ü-東京", "approximateArrivalTimestamp": 1, "data": "bm90IEpTT04="},
        {"recordId": "50", "approximateArrivalTimestamp": 1, "data": "%"},
    ],
}


@given(values, st.booleans())
def test_event_is_the_one_that_the_default_decodes(value: Any, ensure_ascii: bool) -> None:
    request = json.dumps(value, ensure_ascii=ensure_ascii).encode(errors="surrogatepass")

    assert _outcome(DEFAULT, request) == _outcome(OURS, request)


FROM_A_DATA_STREAM = {
    "invocationId": "1",
    "sourceKinesisStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
    "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/d",
    "region": "us-east-1",
    "records": [
        {
            "recordId": "49",
            "approximateArrivalTimestamp": 1767225600000,
            "data": "bm90IEpTT04=",
            "kinesisRecordMetadata": {"sequenceNumber": "49", "partitionKey": "k", "shardId": "shardId-0"},
        }
    ],
}


def test_firehose_event_has_what_the_transform_reads_and_nothing_else() -> None:
    found = OURS.unmarshal_request(json.dumps(FROM_A_DATA_STREAM).encode())

    assert found == {
        "invocationId": "1",
        "sourceKinesisStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
        "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/d",
        "records": [
            {
                "recordId": "49",
                "approximateArrivalTimestamp": 1767225600000,
                "data": "bm90IEpTT04=",
                "kinesisRecordMetadata": {"partitionKey": "k"},
            }
        ],
    }


@pytest.mark.parametrize(
    "record",
    [
        {"recordId": "1"},
        {"recordId": "1", "data": None},
        {"recordId": "1", "data": "", "kinesisRecordMetadata": []},
        {"recordId": "1", "data": "", "kinesisRecordMetadata": {"partitionKey": 1}},
        {"data": ""},
        "no record",
    ],
)
def test_event_with_an_unusual_record_is_the_one_that_the_default_decodes(record: Any) -> None:
    request = json.dumps({**FROM_A_DATA_STREAM, "records": [*FROM_A_DATA_STREAM["records"], record]}).encode()

    assert OURS.unmarshal_request(request) == DEFAULT.unmarshal_request(request)


def test_records_put_back_are_the_same_with_both_codecs() -> None:
    request = json.dumps(event(*(encoded(change()) for _ in range(4)))).encode()

    ours, default = (_put_back(codec.unmarshal_request(request)) for codec in (OURS, DEFAULT))

    assert 0 < len(ours) < 4
    assert ours == default
    assert all(entry.partition_key for entry in ours)


def _put_back(request: dict[str, Any]) -> list[Entry]:
    """Return the entries that the transform puts back when two rows fit into its response."""
    put: list[Entry] = []

    def confirm(entries: Sequence[Entry]) -> list[str | None]:
        put.extend(entries)
        return [None] * len(entries)

    target = Target(confirm, 500, 5_000_000)
    batch_transform(settings(), lambda _: target, limit=1_500)(request)
    return put


@given(
    st.binary(max_size=30)
    | st.text('[]{}":,0123456789.eE+-truefalsnNaIiy\\ud8 \n', max_size=30).map(str.encode)
)
def test_bytes_that_may_not_be_json_fare_as_with_the_default(request_body: bytes) -> None:
    assert _outcome(DEFAULT, request_body) == _outcome(OURS, request_body)


@pytest.mark.parametrize(
    "request_body",
    [
        b'"\\ud800"',
        b'\xef\xbb\xbf{"a":1}',
        b"NaN",
        b"-Infinity",
        b'"\xff"',
        b"",
        b"1 2",
        b"1e400",
        b"[" * 5000,
    ],
)
def test_json_on_which_codecs_disagree_is_left_to_the_default(request_body: bytes) -> None:
    assert _outcome(DEFAULT, request_body) == _outcome(OURS, request_body)


def test_request_of_another_content_type_is_passed_on_untouched() -> None:
    assert OURS.unmarshal_request(b"{}", "text/plain") == b"{}"


@given(st.lists(answers, max_size=5))
def test_response_holds_the_values_that_the_default_writes(records: list[Any]) -> None:
    expected, content_type = DEFAULT.marshal_response({"records": records})

    body, ours = OURS.marshal_response({"records": records})

    assert ours == content_type == JSON
    assert json.loads(body) == json.loads(expected)


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize("execution_env", ["AWS_Lambda_python3.11", "AWS_Lambda_python3.13"])
@given(records=st.lists(answers, max_size=5))
def test_response_is_never_larger_than_it_was_measured(execution_env: str, records: list[Any]) -> None:
    # Half a surrogate pair goes to the default, which was made for this process's environment.
    assume(all(_is_text(answer["recordId"]) for answer in records))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EXECUTION_ENV", execution_env)
        measured = response_bytes(records)

    assert len(OURS.marshal_response({"records": records})[0]) <= measured


def test_answer_of_bytes_goes_out_as_the_default_sends_it() -> None:
    assert OURS.marshal_response(b"as it is") == (b"as it is", "application/unknown")


def test_answer_that_only_the_default_can_write_is_written_by_it() -> None:
    half_a_pair = {"records": [dropped("\ud800")]}

    assert OURS.marshal_response(half_a_pair) == DEFAULT.marshal_response(half_a_pair)


def test_answer_that_nobody_can_write_raises_the_defaults_error() -> None:
    with pytest.raises(FaultException):
        OURS.marshal_response({"records": object()})


@pytest.fixture
def clean_client() -> Iterator[None]:
    yield
    if "marshaller" in vars(LambdaRuntimeClient):
        del LambdaRuntimeClient.marshaller


@pytest.mark.usefixtures("clean_client")
def test_installed_in_the_runtime_client_by_its_class_attribute() -> None:
    assert install()
    assert isinstance(LambdaRuntimeClient.marshaller, Marshaller)


def test_without_a_runtime_client_nothing_changes_and_the_log_says_so_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not install("there_is_no_runtime_client")
    assert _lines(capsys) == 1


@pytest.mark.parametrize(
    "client", [None, type("Client", (), {}), type("Client", (), {"marshaller": object()})]
)
def test_client_without_the_attribute_is_unchanged_and_the_log_says_so(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("other_runtime_client")
    if client is not None:
        module.LambdaRuntimeClient = client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    before = dict(vars(client or object))

    assert not install(module.__name__)
    assert before == dict(vars(client or object))
    assert _lines(capsys) == 1


def test_real_client_answers_the_same_records_in_fewer_bytes(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text(CONFIG)
    environment = {"TTL_ARCHIVE_CONFIG": str(config)}
    request = json.dumps(EVENT).encode()

    with LambdaRuntime(environment=environment) as slow:
        expected = slow.invoke(request)
    with LambdaRuntime("ttl_archive.transform.fast_handler.handler", environment=environment) as fast:
        found = fast.invoke(request)

    assert json.loads(found) == json.loads(expected)
    assert len(found) < len(expected)


def _outcome(marshaller: Any, request_body: bytes) -> str:
    """Return the decoded value as text, in which 1, 1.0 and True differ; or the error's type."""
    try:
        return repr(marshaller.unmarshal_request(request_body))
    except FaultException as error:
        return type(error).__name__


def _lines(capsys: pytest.CaptureFixture[str]) -> int:
    return len(capsys.readouterr().out.splitlines())
