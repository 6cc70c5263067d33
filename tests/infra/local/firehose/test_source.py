"""Records as Direct PUT and Kinesis shards give them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.fakes import FakeKinesis, shard_id
from tests.streams import KINESIS_ARN, START
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.source import DirectPut, KinesisShards, SourceRecord

NOW_MS = int(START.timestamp() * 1000)


def shards(kinesis: FakeKinesis) -> KinesisShards:
    return KinesisShards(kinesis, KINESIS_ARN, Clock(START))


def data(records: list[SourceRecord]) -> list[bytes]:
    return [record.data for record in records]


def test_direct_put_yields_each_record_once_in_order() -> None:
    source = DirectPut(Clock(START))
    ids = [source.put(b"a"), source.put(b"b")]

    assert source.waiting == 2
    assert [(r.record_id, r.data, r.arrival_ms) for r in source.read()] == [
        (ids[0], b"a", NOW_MS),
        (ids[1], b"b", NOW_MS),
    ]
    assert list(source.read()) == []


def test_direct_put_leaves_what_is_put_while_reading_for_the_next_read() -> None:
    source = DirectPut(Clock(START))
    source.put(b"a")

    first = [record.data for record in source.read() if source.put(b"again")]

    assert (first, data(list(source.read()))) == ([b"a"], [b"again"])


def test_a_direct_put_record_has_no_kinesis_metadata() -> None:
    source = DirectPut(Clock(START))
    source.put(b"a")

    (record,) = source.read()

    assert (record.kinesis, record.shard_id) == (None, "")


def test_kinesis_is_read_from_latest() -> None:
    kinesis = FakeKinesis()
    kinesis.put(b"before")
    source = shards(kinesis)
    kinesis.put(b"after")

    assert data(list(source.read())) == [b"after"]


def test_a_kinesis_record_has_its_metadata_and_the_time_of_our_clock() -> None:
    kinesis = FakeKinesis()
    source = shards(kinesis)
    kinesis.put(b"x", "pk")

    (record,) = source.read()

    assert record.kinesis
    assert (record.kinesis.shard_id, record.kinesis.partition_key) == (shard_id(0), "pk")
    assert record.arrival_ms == NOW_MS
    assert record.shard_id == shard_id(0)


def test_a_record_id_is_the_sequence_number_of_56_digits_and_six_more() -> None:
    kinesis = FakeKinesis()
    source = shards(kinesis)
    kinesis.put(b"x")

    (record,) = source.read()

    assert record.kinesis
    sequence = record.kinesis.sequence_number
    assert (len(sequence), sequence[:8], sequence[-1]) == (56, "49628654", "1")
    assert record.record_id == sequence + "000000"


def test_ids_of_two_shards_never_collide_though_both_count_from_one() -> None:
    kinesis = FakeKinesis(shards=2)
    source = shards(kinesis)
    for shard in (0, 0, 1, 1):
        kinesis.put(b"x", shard=shard)

    records = list(source.read())

    assert len({record.record_id for record in records}) == 4
    assert len({record.kinesis.sequence_number for record in records if record.kinesis}) == 4


def test_a_sequence_number_of_full_length_is_kept() -> None:
    kinesis = FakeKinesis()
    source = shards(kinesis)
    kinesis.put(b"x")
    kinesis.records[shard_id(0)][0]["SequenceNumber"] = "4" * 56

    (record,) = source.read()

    assert record.record_id == "4" * 56 + "000000"


def test_a_read_is_one_page_of_each_shard() -> None:
    kinesis = FakeKinesis(shards=2, page_size=1)
    source = shards(kinesis)
    for shard in (0, 0, 1):
        kinesis.put(b"%d" % shard, shard=shard)

    assert [data(list(source.read())) for _ in range(3)] == [[b"0", b"1"], [b"0"], []]


def test_new_shards_are_read_from_their_beginning_once_the_parent_ends() -> None:
    kinesis = FakeKinesis()
    source = shards(kinesis)
    kinesis.put(b"parent")
    kinesis.closed.add(shard_id(0))
    kinesis.shards = 3
    kinesis.put(b"child one", shard=1)
    kinesis.put(b"child two", shard=2)

    assert data(list(source.read())) == [b"parent"]
    assert data(list(source.read())) == [b"child one", b"child two"]


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "LimitExceededException"])
def test_a_throttled_read_is_made_good_by_the_next(code: str) -> None:
    kinesis = FakeKinesis(errors=[code])
    source = shards(kinesis)
    kinesis.put(b"x")

    assert data(list(source.read())) == []
    assert data(list(source.read())) == [b"x"]


def test_an_expired_iterator_is_renewed_after_the_last_record() -> None:
    kinesis = FakeKinesis()
    source = shards(kinesis)
    kinesis.put(b"a")
    assert data(list(source.read())) == [b"a"]

    kinesis.put(b"b")
    kinesis.errors.append("ExpiredIteratorException")

    assert data(list(source.read())) == []
    assert data(list(source.read())) == [b"b"]


def test_any_other_error_is_raised_and_the_records_received_before_it_are_kept() -> None:
    kinesis = FakeKinesis()
    source = shards(kinesis)
    kinesis.put(b"a")
    source.receive()
    kinesis.errors.append("ResourceNotFoundException")

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        next(source.read())
    assert source.waiting == 1
    assert [record.data for record in source.read()] == [b"a"]


def test_the_children_of_an_ended_shard_are_received_with_it() -> None:
    kinesis = FakeKinesis()
    source = shards(kinesis)
    kinesis.closed.add(shard_id(0))
    kinesis.shards = 2
    kinesis.put(b"child", shard=1)

    source.receive()

    assert source.waiting == 1
