"""Records into a stream again: only what was refused is sent again, and a kill costs one batch at most."""

import contextlib
import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import (
    CLAIMS,
    EVENT_US,
    KEY,
    SETTINGS,
    change,
    claims_of,
    error_object,
    replay_all,
    rows,
    states,
)
from tests.replay.streams import ARN, THROTTLED, Streams
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.replay_object import Ending
from ttl_archive.replay.sinks.stream_sink import StreamSink, firehose_sink, kinesis_sink, partition_key
from ttl_archive.transform.convert import Row, converter

MANY = [change(number) for number in range(1200)]


class Killed(BaseException): ...


def bucket_with(datas: list[bytes] = MANY) -> Bucket:
    bucket = Bucket()
    bucket.fill(KEY, error_object(datas))
    return bucket


def kinesis(streams: Streams, attempts: int = 3, stop: Event | None = None) -> StreamSink:
    return kinesis_sink(streams, "changes", attempts, stop or _NoPause())


class _NoPause(Event):
    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def test_the_source_records_go_in_again_as_they_were_in_calls_of_500() -> None:
    streams = Streams()

    summary = replay_all(bucket_with(), sink=kinesis(streams))

    assert summary.exit_code == 0
    assert streams.taken == MANY
    assert streams.calls == [500, 500, 200]


def test_a_call_holds_no_more_bytes_than_the_service_takes() -> None:
    streams = Streams()
    large = [change(number, text={"S": "x" * 500_000}) for number in range(25)]

    replay_all(bucket_with(large), sink=kinesis(streams))

    assert streams.taken == large
    assert streams.calls == [10, 10, 5]


def test_what_the_transform_drops_or_refuses_is_not_sent() -> None:
    streams = Streams()
    bucket = bucket_with([change(1), change(2, name="INSERT"), b"no json"])

    summary = replay_all(bucket, sink=kinesis(streams))

    assert streams.taken == [change(1)]
    assert (summary.tally.dropped, summary.tally.refused) == ({"not-a-removal": 1}, {"NotJson": 1})
    assert states(bucket) == [State.REFUSED]


def test_only_refused_entries_are_sent_again() -> None:
    streams = Streams(script=[[1, 3], [0]])
    datas = MANY[:5]

    summary = replay_all(bucket_with(datas), sink=kinesis(streams))

    assert summary.exit_code == 0
    assert streams.calls == [5, 2, 1]
    assert sorted(streams.taken) == sorted(datas)


@pytest.mark.parametrize("step", [THROTTLED, "InternalFailure"])
def test_a_call_that_fails_as_a_whole_is_sent_again(step: str) -> None:
    streams = Streams(script=[step])

    assert replay_all(bucket_with(MANY[:5]), sink=kinesis(streams)).exit_code == 0
    assert streams.taken == MANY[:5]


def test_refused_to_the_end_the_next_run_sends_the_rest_and_nothing_else() -> None:
    streams = Streams(script=[None, [7, 9], [0, 1], [0]])
    bucket = bucket_with()

    first = replay_all(bucket, sink=kinesis(streams))
    second = replay_all(bucket, sink=kinesis(streams))

    assert (first.exit_code, first.objects[Ending.UNSENT]) == (3, 1)
    assert THROTTLED in first.reasons[0][1]
    assert second.exit_code == 0
    assert Counter(streams.taken) == Counter(MANY)
    assert second.possible_duplicates == 0


def test_the_archive_can_take_the_rest_of_what_a_stream_refused() -> None:
    streams = Streams(script=[None, THROTTLED, THROTTLED, THROTTLED])
    bucket = bucket_with()
    replay_all(bucket, sink=kinesis(streams))

    assert replay_all(bucket).exit_code == 0
    assert streams.taken == MANY[:500]
    assert rows(bucket) == sorted(f"e{number}" for number in range(500, 1200))


def test_a_stream_cannot_take_the_rest_of_what_the_archive_has_begun() -> None:
    bucket = bucket_with()

    def kill(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].startswith("archive/"):
            raise Killed

    bucket.before = kill
    with pytest.raises(Killed):
        replay_all(bucket)
    bucket.before = lambda operation, request: None
    streams = Streams()

    summary = replay_all(bucket, sink=kinesis(streams), claims=claims_of(bucket, "second", now=later))

    assert summary.exit_code == 1
    assert "Use --sink s3" in summary.reasons[0][1]
    assert streams.taken == []


def test_an_error_that_lasts_fails_at_once() -> None:
    streams = Streams(script=["AccessDeniedException"])

    summary = replay_all(bucket_with(), sink=kinesis(streams))

    assert (summary.exit_code, streams.calls) == (1, [500])
    assert "Trying again does not help" in summary.reasons[0][1]


def test_a_kill_between_put_and_note_costs_one_batch_and_is_reported() -> None:
    streams, bucket = Streams(), bucket_with()
    kills = itertools.count(1, -1)

    def kill() -> None:
        if next(kills) == 0:
            raise Killed

    streams.after = kill
    with pytest.raises(Killed):
        replay_all(bucket, sink=kinesis(streams))
    streams.after = lambda: None

    summary = replay_all(bucket, sink=kinesis(streams), claims=claims_of(bucket, "second", now=later))

    assert summary.exit_code == 0
    twice = Counter(streams.taken) - Counter(MANY)
    assert Counter(MANY) - Counter(streams.taken) == Counter()
    assert 0 < twice.total() <= 500
    assert summary.possible_duplicates == 500


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_call_of_the_bucket_nothing_is_lost(moment: str) -> None:
    for last in range(1, 25):
        streams, bucket = Streams(), bucket_with()
        countdown = itertools.count(last, -1)

        def kill(operation: str, request: dict[str, Any], left: Any = countdown) -> None:
            if next(left) == 0:
                raise Killed

        setattr(bucket, moment, kill)
        with contextlib.suppress(Killed):
            replay_all(bucket, sink=kinesis(streams))
        bucket.before = bucket.after = lambda operation, request: None

        replay_all(bucket, sink=kinesis(streams), claims=claims_of(bucket, "second", now=later))

        assert Counter(MANY) - Counter(streams.taken) == Counter()
        assert (Counter(streams.taken) - Counter(MANY)).total() <= 500
        assert states(bucket) == [State.DONE]


def test_a_lost_answer_is_a_duplicate_never_a_loss() -> None:
    streams = Streams(script=["lost"])

    summary = replay_all(bucket_with(MANY[:3]), sink=kinesis(streams))

    assert (summary.exit_code, summary.possible_duplicates) == (0, 3)
    assert streams.taken == MANY[:3] * 2


def test_with_another_transform_what_was_sent_is_not_sent_again() -> None:
    streams = Streams(script=[None, THROTTLED, THROTTLED, THROTTLED])
    bucket = bucket_with()
    replay_all(bucket, sink=kinesis(streams), transform="a" * 12)

    summary = replay_all(bucket, sink=kinesis(streams), transform="b" * 12)

    assert Counter(streams.taken) == Counter(MANY)
    assert summary.possible_duplicates == 0


def test_ctrl_c_ends_between_batches_and_the_next_run_goes_on() -> None:
    streams, bucket, stop = Streams(), bucket_with(), _NoPause()
    streams.after = stop.set

    stopped = replay_all(bucket, sink=kinesis(streams, stop=stop), stop=stop)
    assert (stopped.exit_code, stopped.objects[Ending.STOPPED]) == (1, 1)
    replay_all(bucket, sink=kinesis(streams))

    assert Counter(streams.taken) == Counter(MANY)


def test_a_record_of_the_transform_itself_is_not_for_a_stream_but_for_the_archive() -> None:
    row = converter(SETTINGS)(change(1))
    assert isinstance(row, Row)
    streams = Streams(script=[THROTTLED] * 3)
    bucket = bucket_with([row.line, change(2)])

    replay_all(bucket, sink=kinesis(streams))
    assert streams.taken == []
    replay_all(bucket)

    assert rows(bucket) == ["e1", "e2"]


def test_a_record_larger_than_the_stream_takes_is_refused() -> None:
    streams, bucket = Streams(), bucket_with([change(1, text={"S": "x" * 1_048_576}), change(2)])

    summary = replay_all(bucket, sink=kinesis(streams))

    assert summary.tally.refused == {"TooLargeForStream": 1}
    assert streams.taken == [change(2)]
    assert states(bucket) == [State.REFUSED]


def test_a_stream_with_a_larger_limit_takes_it() -> None:
    streams, bucket = Streams(max_record_kib=2048), bucket_with([change(1, text={"S": "x" * 1_048_576})])

    assert replay_all(bucket, sink=kinesis(streams)).exit_code == 0


def test_a_delivery_stream_takes_direct_puts() -> None:
    streams = Streams(script=[[1]])

    summary = replay_all(bucket_with(), sink=firehose_sink(streams, "delivery", 3, _NoPause()))

    assert summary.exit_code == 0
    assert Counter(streams.taken) == Counter(MANY)


@pytest.mark.parametrize("kind", ["KinesisStreamAsSource", "MSKAsSource", "DatabaseAsSource"])
def test_a_delivery_stream_with_a_source_is_refused_before_anything_is_sent(kind: str) -> None:
    streams, bucket = Streams(kind=kind), bucket_with()

    with pytest.raises(MisuseError, match=f"(?s){kind}.*--sink s3.*--sink kinesis --stream {ARN}"):
        replay_all(bucket, sink=firehose_sink(streams, "delivery", 3, _NoPause()))

    assert streams.calls == []
    assert bucket.keys(CLAIMS) == []


@pytest.mark.parametrize("make", [kinesis_sink, firehose_sink])
def test_a_stream_that_is_not_there_is_reported(make: Any) -> None:
    with pytest.raises(MisuseError, match="does not exist"):
        make(Streams(), "nowhere", 3, _NoPause()).check()


def test_the_partition_key_follows_from_the_keys_whatever_their_order() -> None:
    def record(keys: dict[str, Any], number: int) -> bytes:
        time = EVENT_US + number
        dynamodb = {"ApproximateCreationDateTime": time, "Keys": keys, "OldImage": {}}
        return json.dumps({"eventID": "e", "eventName": "REMOVE", "dynamodb": dynamodb}).encode()

    one_way = partition_key(record({"a": {"S": "x"}, "b": {"N": "1"}}, 1))

    assert one_way == partition_key(record({"b": {"N": "1"}, "a": {"S": "x"}}, 2))
    assert one_way != partition_key(record({"b": {"N": "2"}, "a": {"S": "x"}}, 1))
    assert len(one_way) == 32
    assert one_way == one_way.upper()


@pytest.mark.parametrize(("size_bytes", "refused"), [(1_024_000, {}), (1_024_001, {"TooLargeForStream": 1})])
def test_a_delivery_stream_takes_records_of_1_024_000_bytes(size_bytes: int, refused: dict[str, int]) -> None:
    text = "x" * (size_bytes - len(change(1, text={"S": ""})))
    bucket = bucket_with([change(1, text={"S": text})])

    summary = replay_all(bucket, sink=firehose_sink(Streams(), "delivery", 3, _NoPause()))

    assert summary.tally.refused == refused
