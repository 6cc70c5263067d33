"""Rows that do not fit into the response: how fast their records are put back into a data stream.

The events are the workloads of TTL removals whose rows, with the image, exceed the response's limit. The data
stream is a live endpoint over HTTP, in a process of its own whose CPU time does not count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from candidates import in_process
from cases import Case, build_case, lines_of
from sampling import Samples, measure, started
from workloads import RAW_BYTES, STREAM_ARN, build

from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.transform.limits import RESPONSE_BYTES

WORKLOADS = ("iot1k:1", "iot10k:1", "nested:1")
_STREAM = STREAM_ARN.rpartition("/")[2]


def overflow_case(name: str, raw_bytes: int) -> Case:
    """Return the case of a workload in which some rows do not fit: its lines are those that do.

    The limit is the real one for RAW_BYTES, and in proportion for less. Raises SystemExit when every row
    fits, or when a row that fits is not exact.
    """
    case = build_case(build(name, raw_bytes), "jsonl+image")
    limit = RESPONSE_BYTES * raw_bytes // RAW_BYTES
    fitting = lines_of(in_process(case.format, limit), case.workload)
    if None not in fitting or not {*fitting} - {None} <= {*case.lines}:
        raise SystemExit(f"{name}: every row fits, or one is not exact. Nothing was measured.")
    return replace(case, lines=fitting, limit=limit)


def measured(raw_bytes: int, rounds: int) -> Iterator[tuple[Case, dict[str, Samples]]]:
    """Yield each case, and the samples of baseline and handler.

    Raises SystemExit when the data stream does not have every record that was put back.
    """
    with _data_stream() as stream, started(("baseline", "handler"), stream.environment()) as workers:
        for name in WORKLOADS:
            case = overflow_case(name, raw_bytes)
            samples = measure(case, workers, rounds)
            if _put_back(case) - _records(stream):
                raise SystemExit(f"{name}: a record was neither delivered nor put back.")
            yield case, samples


def _put_back(case: Case) -> set[bytes]:
    changes = case.workload.changes
    return {change for change, line in zip(changes, case.lines, strict=True) if line is None}


@contextmanager
def _data_stream() -> Iterator[Emulator]:
    with Emulator() as emulator:
        kinesis = emulator.client("kinesis")
        kinesis.create_stream(StreamName=_STREAM, ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=_STREAM)
        yield emulator


def _records(emulator: Emulator) -> set[bytes]:
    kinesis = emulator.client("kinesis")
    (shard,) = kinesis.list_shards(StreamName=_STREAM)["Shards"]
    position = kinesis.get_shard_iterator(
        StreamName=_STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: set[bytes] = set()
    while records := (answer := kinesis.get_records(ShardIterator=position))["Records"]:
        found.update(record["Data"] for record in records)
        position = answer["NextShardIterator"]
    return found
