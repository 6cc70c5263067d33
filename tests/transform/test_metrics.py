"""The one log line: valid EMF, metrics that add up, and never an item's content.

Source of the format: CloudWatch User Guide, embedded metric format specification and metrics concepts.
"""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import changes, damaged, seeds, written
from tests.transform.builders import DELIVERY_ARN, Result, change, encoded, event, run, settings
from tests.transform.fakes_reingest import Clock, FakeService, fails, timeout
from ttl_archive.transform.reingest import source_of

# CloudWatch API Reference, MetricDatum.
UNITS = {
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Count",
    "Percent",
    "None",
}
MARKER = "mArKeR7"


def valid_emf(text: str) -> dict[str, Any]:
    """The rules of the specification; the line is a JSON object with no text before it."""
    assert "\n" not in text
    assert len(text.encode()) <= 1_000_000
    line = json.loads(text, parse_constant=pytest.fail)
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    assert isinstance(line["_aws"]["Timestamp"], int)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 1024
    assert 1 <= len(directive["Metrics"]) <= 100
    for dimensions in directive["Dimensions"]:
        assert len(dimensions) <= 30
        assert all(isinstance(line[name], str) and 1 <= len(line[name]) <= 1024 for name in dimensions)
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert len(set(names)) == len(names)
    for metric in directive["Metrics"]:
        assert set(metric) <= {"Name", "Unit", "StorageResolution"}
        assert metric["Unit"] in UNITS
        assert type(line[metric["Name"]]) in (int, float)
        assert line[metric["Name"]] >= 0
    return line


def mixed(source: str = "kinesis") -> Result:
    """A batch in which everything happens."""
    data = [
        encoded(change({"x": {"S": MARKER * 900}})),
        *(encoded(change({"x": {"S": MARKER}, "n": {"N": str(n)}})) for n in range(20)),
        encoded(change({MARKER: {"S": MARKER}}, kind="user")),
        encoded(change({"x": {"N": MARKER}})),
        MARKER.encode(),
        encoded(change({"x": {MARKER: MARKER}})),
        b'{"' + MARKER.encode(),
    ]
    service = FakeService(source, fails(timeout()))
    return run(
        event(*data, source=source),
        settings(),
        Clock(),
        find_target=lambda e: source_of(e, service),
        limit=5000,
    )


@pytest.mark.parametrize("source", ["kinesis", "firehose"])
def test_the_line_is_valid_emf_whatever_happened(source: str) -> None:
    for result in (mixed(source), run(event()), run(event(b"{}")), run({})):
        assert valid_emf(result.log_text) == result.log


def test_the_line_says_which_table_and_batch() -> None:
    log = run(event()).log

    assert log["Table"] == "devices"
    assert log["deliveryStreamArn"] == DELIVERY_ARN
    assert log["invocationId"] == event()["invocationId"]


def test_the_metrics_of_a_mixed_batch_add_up() -> None:
    result = mixed()
    log = result.log

    outcomes = ("RecordsDelivered", "RecordsDropped", "RecordsFailed", "RecordsReingested")
    assert log["RecordsReceived"] == sum(log[name] for name in outcomes) == len(result.records)
    assert all(log[name] > 0 for name in outcomes)
    assert log["failedByCode"] == {"BadNumber": 1, "BadAttributeValue": 1, "NotJson": 2, "RowTooLarge": 1}
    assert log["reingestErrors"] == {"ReadTimeoutError": log["RecordsReingested"]}


def test_bytes_received_are_the_source_bytes() -> None:
    data = [encoded(change()), b"{}", encoded(change(kind="user")), b""]

    assert run(event(*data)).log["BytesReceived"] == sum(map(len, data))


def test_the_line_of_a_good_batch_has_no_details() -> None:
    assert {"failedByCode", "failures", "reingestErrors"}.isdisjoint(run(event(encoded(change()))).log)


def test_the_line_of_a_batch_in_which_all_fails_stays_short() -> None:
    assert len(run(event(*[b"{}"] * 10_000)).log_text) < 10_000


def test_the_line_of_a_mixed_batch_has_no_content() -> None:
    assert MARKER not in mixed().log_text


def marked(value: Any) -> Any:
    """The value with the marker in every name and every text."""
    if isinstance(value, dict):
        return {_marked_name(name): marked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [marked(each) for each in value]
    return f"{value}{MARKER}" if isinstance(value, str) else value


_TYPES = {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}


def _marked_name(name: str) -> str:
    return name if name in _TYPES else name + MARKER


@given(
    st.lists(st.one_of(changes(), changes(feed="streams")), min_size=1, max_size=4),
    seeds,
    st.sampled_from(["jsonl", "csv", "envelope"]),
    st.sampled_from([300, 1000, 10**6]),
)
def test_no_part_of_an_item_is_ever_logged(records: list[Any], random: Any, shape: str, limit: int) -> None:
    data = []
    for record in records:
        part = record["dynamodb"]
        part |= {name: marked(part[name]) for name in ("Keys", "NewImage", "OldImage") if name in part}
        text = written(record, random).encode()
        data += [text, damaged(text, random)]
    more = {"jsonl": {}, "csv": {"format": "csv", "columns": {"x": "x"}}, "envelope": {"row": "envelope"}}[
        shape
    ]
    service = FakeService(behaviour=fails(timeout()))

    result = run(
        event(*data),
        settings(changes="all", infer_replica_ttl=True, **more),
        Clock(),
        find_target=lambda e: source_of(e, service),
        limit=limit,
    )

    assert MARKER.lower() not in result.log_text.lower()
    valid_emf(result.log_text)
