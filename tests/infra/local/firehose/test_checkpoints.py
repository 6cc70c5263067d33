"""A Firehose that is killed and started again: everything is delivered, and little is repeated."""

from __future__ import annotations

import shelve
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeKinesis, FakeS3
from tests.streams import Bench, answer_all, bench, kinesis_source, lambda_processing, s3
from ttl_archive.infra.local.firehose.checkpoints import Checkpoints


def started(kinesis: FakeKinesis, store: dict[str, str], buckets: FakeS3, **members: object) -> Bench:
    made = bench(answer_all, kinesis=kinesis, s3=buckets, checkpoints=store)
    destination = s3(ProcessingConfiguration=lambda_processing(), **members)
    made.create({"ExtendedS3DestinationConfiguration": destination} | kinesis_source())
    return made


def objects(buckets: FakeS3) -> set[bytes]:
    return {buckets.body(key) for key in buckets.listed()}


def test_what_was_stored_is_not_read_again_and_what_was_buffered_is() -> None:
    kinesis, buckets, store = FakeKinesis(), FakeS3(), dict[str, str]()
    first = started(kinesis, store, buckets)
    kinesis.put(b"stored")
    first.firehose.flush()
    kinesis.put(b"buffered,")
    first.firehose.poll()
    second = started(kinesis, store, buckets)
    kinesis.put(b"later")

    second.firehose.flush()
    assert objects(buckets) == {b"stored", b"buffered,later"}
    assert second.firehose.counts("d").received == 2


def test_a_restart_before_anything_was_stored_loses_nothing() -> None:
    kinesis, buckets, store = FakeKinesis(), FakeS3(), dict[str, str]()
    first = started(kinesis, store, buckets)
    kinesis.put(b"a")
    first.firehose.poll()

    started(kinesis, store, buckets).firehose.flush()

    assert buckets.bodies() == b"a"


def test_a_new_delivery_stream_begins_at_the_latest_record() -> None:
    kinesis, buckets = FakeKinesis(), FakeS3()
    kinesis.put(b"before")

    started(kinesis, {}, buckets).firehose.flush()

    assert buckets.bodies() == b""


def test_a_refused_put_keeps_the_checkpoint_where_it_was() -> None:
    kinesis, buckets, store = FakeKinesis(), FakeS3(fail_puts=-1), dict[str, str]()
    first = started(kinesis, store, buckets)
    kinesis.put(b"a")
    first.firehose.flush()
    assert store == {"d/": ""}

    buckets.fail_puts = 0
    started(kinesis, store, buckets).firehose.flush()

    assert buckets.bodies() == b"a"
    assert store == {"d/": "", "d/shardId-000000000000": "1"}


def test_a_record_is_settled_when_its_backup_is_stored_too() -> None:
    kinesis, store = FakeKinesis(), dict[str, str]()
    buckets = FakeS3(fail_puts=1)  # the backup is put first
    made = started(
        kinesis, store, buckets, S3BackupMode="Enabled", S3BackupConfiguration=s3(Prefix="backup/")
    )
    kinesis.put(b"a")
    made.firehose.poll()
    made.clock.advance(seconds=400)
    made.firehose.poll()

    assert (buckets.listed("backup/"), list(store)) == ([], ["d/"])


def test_deleting_a_delivery_stream_forgets_its_checkpoints() -> None:
    kinesis, store = FakeKinesis(), {"other/shard": "7"}
    made = started(kinesis, store, FakeS3())
    kinesis.put(b"a")
    made.firehose.flush()
    assert len(store) == 3

    made.firehose.delete_delivery_stream(DeliveryStreamName="d")

    assert store == {"other/shard": "7"}


def test_a_shelf_keeps_checkpoints_across_processes(tmp_path: Path) -> None:
    kinesis, buckets = FakeKinesis(), FakeS3()
    for data in (b"a", b"b"):
        with shelve.open(str(tmp_path / "checkpoints")) as shelf:
            made = started(kinesis, shelf, buckets)  # type: ignore[arg-type]
            kinesis.put(data)
            made.firehose.flush()

    assert objects(buckets) == {b"a", b"b"}


@given(st.permutations(range(1, 7)), st.integers(0, 6))
def test_a_checkpoint_is_the_last_record_before_which_all_are_settled(order: list[int], count: int) -> None:
    store: dict[str, str] = {}
    checkpoints = Checkpoints(store, "d")
    for position in range(1, 7):
        checkpoints.expect(("shard", str(position)), copies=1)
    settled = order[:count]
    for position in settled:
        checkpoints.settle([("shard", str(position))])

    expected = next(n for n in range(7) if n + 1 not in settled)
    assert store.get("d/shard", "0") == str(expected)


def test_a_record_with_two_copies_is_settled_twice() -> None:
    store: dict[str, str] = {}
    checkpoints = Checkpoints(store, "d")
    checkpoints.expect(("shard", "1"), copies=2)

    checkpoints.settle([("shard", "1")])
    assert store == {}
    checkpoints.settle([("shard", "1")])
    assert store == {"d/shard": "1"}


@pytest.mark.parametrize("advance_days", [0, 1, 30])
def test_a_record_has_the_time_at_which_it_arrived_whatever_the_clock_does_before_the_poll(
    advance_days: int,
) -> None:
    made = started(FakeKinesis(), {}, FakeS3())
    made.kinesis.put(b"a")
    made.clock.advance(days=advance_days)
    made.firehose.flush()

    (key,) = made.s3.listed()
    assert key.startswith("2026/09/10/14/d-1-2026-09-10-14-02-11-")


def test_all_pages_of_a_shard_have_the_time_at_which_they_arrived() -> None:
    made = started(FakeKinesis(page_size=2), {}, FakeS3())
    for _ in range(7):
        made.kinesis.put(b"a")
    made.clock.advance(days=1)
    made.firehose.flush()

    (key,) = made.s3.listed()
    assert key.startswith("2026/09/10/14/")
    assert made.s3.body(key) == b"a" * 7


def test_a_closed_firehose_reads_nothing_when_the_clock_advances() -> None:
    made = started(FakeKinesis(), {}, FakeS3())
    made.firehose.close()
    made.kinesis.put(b"a")
    made.clock.advance(days=1)

    assert made.firehose.counts("d").received == 0
