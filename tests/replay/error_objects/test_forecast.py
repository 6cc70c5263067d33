"""What `plan` says that a run would do is what the run then does: for each sink and each code."""

import gzip
from collections import Counter
from threading import Event
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.discarded import discarded_batch
from tests.replay.samples import (
    BUCKET,
    KEY,
    SETTINGS,
    change,
    claims_of,
    error_line,
    error_object,
    make_run,
    replay_all,
)
from tests.replay.streams import Streams
from ttl_archive.replay import waiver
from ttl_archive.replay.causes import explainer
from ttl_archive.replay.error_objects import error_lines
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable
from ttl_archive.replay.error_objects.forecast import Forecast, forecast
from ttl_archive.replay.error_objects.objects import find_object
from ttl_archive.replay.error_objects.survey import Filter, survey
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.remedies import REMEDIES
from ttl_archive.replay.replay_run import Summary
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.sinks.sink import Sink
from ttl_archive.replay.sinks.stream_sink import firehose_sink, kinesis_sink
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform.convert import Row, converter

SINKS = ("s3", "kinesis", "firehose")
ONLY_STREAMS_REFUSE = {"NotASourceRecord", "TooLargeForStream"}
DEEP = b'{"L":[' * 400 + b'{"S":"x"}' + b"]}" * 400


def row() -> bytes:
    found = converter(SETTINGS)(change(5))
    assert isinstance(found, Row)
    return found.line


def damaged(body: bytes) -> bytes:
    packed = bytearray(gzip.compress(body))
    packed[-6] ^= 0xFF  # in the checksum of the content
    return bytes(packed)


GOOD = error_object([change(1), change(2, name="INSERT")])
# The code -> an error object with a record or a line that has it, besides one of each other verdict.
OBJECTS = {
    "BadAttributeValue": GOOD + error_line(change(5, a={"S": "x", "N": "1"})),
    "BadBinary": GOOD + error_line(change(5, a={"B": "%%%"})),
    "BadEventTime": GOOD + error_line(change(1).replace(b"1763600000000001", b"17")),
    "BadNumber": GOOD + error_line(change(5, a={"N": "1x"})),
    "BadRawData": GOOD + error_line(b"", rawData="%%%"),
    "ColumnCollision": GOOD + error_line(change(5, dt={"S": "x"})),
    "DamagedGzip": damaged(GOOD),
    "HalfWritten": GOOD + error_line(change(5))[:50],
    "MissingImage": GOOD + error_line(change(5).replace(b'"OldImage"', b'"Other"')),
    "NoPayload": GOOD + discarded_batch([], payload=None) + b"\n",
    "NoRawData": GOOD + error_line(b"", rawData=None),
    "NotAChangeRecord": GOOD + error_line(b"{}"),
    "NotASourceRecord": GOOD + error_line(row()),
    "NotAnErrorLine": GOOD + b"[]\n",
    "NotJson": GOOD + error_line(b"no json"),
    "NotUtf8": GOOD + error_line(b"\xff"),
    "OtherTable": GOOD + error_line(change(5, table="Orders")),
    "TooDeep": GOOD + error_line(change(5, a={"S": "deep"}).replace(b'{"S":"deep"}', DEEP)),
    "TooLargeForStream": GOOD + error_line(change(5, a={"S": "x" * 1_048_576})),
    "TooLong": GOOD + b'{"rawData":"' + b"A" * 5_000_000 + b'"}\n' + GOOD,
    "TruncatedGzip": gzip.compress(GOOD)[:-12],
}


def sink_of(name: str, bucket: Bucket, streams: Streams) -> Sink:
    if name == "s3":
        return S3Sink(bucket, BUCKET, SETTINGS)
    make, stream = {"kinesis": (kinesis_sink, "changes"), "firehose": (firehose_sink, "delivery")}[name]
    return make(streams, stream, 1, Event())


def predict(bucket: Bucket, sink: Sink, problems: list[ReplayError] | None = None, **parts: Any) -> Forecast:
    run = make_run(bucket, **parts)
    found = list(survey(run.claims, KEY, Filter(), run.transform))
    note = ([] if problems is None else problems).append
    return forecast(bucket, found, run.judge, explainer(SETTINGS), on_problem=note, sink=sink)


def as_run(counted: Forecast) -> tuple[int, Counter[str], Counter[str], int]:
    """Return the forecast in the form of a run's ledger: rows, dropped, refused, waived."""
    refused: Counter[str] = Counter()
    for cause, count in counted.refuse.items():
        refused[cause.code] += count.records
    return counted.deliver, counted.drop, refused, counted.waived


def ledger(summary: Summary) -> tuple[int, Counter[str], Counter[str], int]:
    tally = summary.tally
    return tally.rows, tally.dropped, tally.refused, tally.waived


def test_every_code_has_an_object_here() -> None:
    assert set(OBJECTS) == set(REMEDIES)


@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("code", sorted(OBJECTS))
def test_the_forecast_is_what_the_run_does(code: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_lines, "_LINE_BYTES", 2 << 20)
    bucket = Bucket()
    bucket.fill(KEY, OBJECTS[code])
    sink = sink_of(name, bucket, Streams())

    predicted = as_run(predict(bucket, sink))

    assert predicted == ledger(replay_all(bucket, sink=sink))
    assert bool(predicted[2][code]) == (name != "s3" or code not in ONLY_STREAMS_REFUSE)


@pytest.mark.parametrize("name", SINKS)
def test_lines_that_a_stream_has_or_that_were_waived_are_not_judged_again(name: str) -> None:
    bucket = Bucket()
    bucket.fill(KEY, error_object([b"no json", change(1), b"no json", change(2)]))
    replay_all(bucket, sink=sink_of("kinesis", bucket, Streams()))
    error_object_found = find_object(bucket, BUCKET, KEY)
    waiver.waive(claims_of(bucket), error_object_found, 3, "0" * 12, reason="a test item", by="me")
    sink = sink_of(name, bucket, Streams())

    def refuse(record: FailedRecord | Unreadable) -> Refused:  # as other settings may
        return Refused("NotJson")

    predicted = as_run(predict(bucket, sink, judge=refuse))

    assert predicted == (2, Counter(), Counter(NotJson=1), 1)
    assert predicted == ledger(replay_all(bucket, sink=sink, judge=refuse, with_refused=True))


def test_an_object_that_only_the_archive_may_take_is_named() -> None:
    bucket = Bucket()
    bucket.fill(KEY, error_object([change(1), b"no json"]))
    replay_all(bucket)
    sink, problems = sink_of("kinesis", bucket, Streams()), list[ReplayError]()

    counted = predict(bucket, sink, problems)
    summary = replay_all(bucket, sink=sink, with_refused=True)

    assert counted.records == 0
    assert [(KEY, str(problem)) for problem in problems] == summary.reasons
    assert "Use --sink s3" in str(problems[0])
