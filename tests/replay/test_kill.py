"""A run that is killed anywhere, then run again: nothing lost, and with the s3 sink nothing twice."""

import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.replay.bucket import Bucket, FileObjects
from tests.replay.samples import (
    CLAIMS,
    MANIFESTS,
    PREFIX,
    change,
    claims_of,
    documents,
    error_object,
    expire_claims,
    replay_all,
    rows,
    states,
)
from tests.replay.streams import Streams
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.sinks.stream_sink import kinesis_sink

POISON = b"no json"
OBJECTS = {
    f"{PREFIX}processing-failed/dt=2026-11-20/{name}": error_object(datas)
    for name, datas in {
        "a": [change(1), change(2, day=1), change(3, day=2)],
        "b": [change(4), POISON, change(5, name="INSERT")],
        "c": [POISON],
        "d": [change(number) for number in range(6, 9)],
    }.items()
}
EXPECTED = ["e1", "e2", "e3", "e4", "e6", "e7", "e8"]


class Killed(BaseException):
    """Nothing of ours runs after it, save what frees local resources."""


def filled(bucket: Bucket) -> Bucket:
    for key, body in OBJECTS.items():
        bucket.fill(key, body)
    return bucket


def assert_closed(bucket: Bucket) -> None:
    """Every object is judged to the end, every row is there once, every refused record is counted."""
    assert rows(bucket) == EXPECTED
    results = [document.result for document in documents(bucket)]
    assert sum(result.lines for result in results if result) == 10
    assert sum(result.refused.get("NotJson", 0) for result in results if result) == 2
    assert states(bucket) == [State.DONE, State.REFUSED, State.REFUSED, State.DONE]
    for key in bucket.keys(MANIFESTS):
        assert json.loads(bucket.objects[key].body)["rows"] == 3


def later() -> datetime:
    """A time at which every claim of now has run out."""
    return datetime.now(UTC) + timedelta(hours=1)


def resume(bucket: Bucket) -> None:
    bucket.before = bucket.after = lambda operation, request: None
    summary = replay_all(bucket, claims=claims_of(bucket, "second", now=later))
    assert summary.exit_code == 3, summary


def calls_of_a_run(moment: str) -> int:
    """How many calls a run begins ("before"), and how many of them succeed ("after")."""
    bucket = filled(Bucket())
    calls: list[str] = []
    setattr(bucket, moment, lambda operation, request: calls.append(operation))
    replay_all(bucket)
    return len(calls)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_call_the_second_run_closes_the_ledger(moment: str) -> None:
    for last in range(calls_of_a_run(moment)):
        bucket = filled(Bucket())
        countdown = itertools.count(last, -1)

        def kill(operation: str, request: dict[str, Any], left: Any = countdown) -> None:
            if next(left) == 0:
                raise Killed

        setattr(bucket, moment, kill)
        with pytest.raises(Killed):
            replay_all(bucket)

        resume(bucket)

        assert_closed(bucket)


def test_killed_again_and_again_it_still_closes() -> None:
    chance = random.Random(5)
    for _ in range(150):
        bucket = filled(Bucket())
        for _ in range(chance.randrange(1, 5)):
            countdown = itertools.count(chance.randrange(40), -1)

            def kill(operation: str, request: dict[str, Any], left: Any = countdown) -> None:
                if next(left) == 0:
                    raise Killed

            bucket.before, bucket.after = chance.choice([(kill, bucket.after), (bucket.before, kill)])
            claims = claims_of(bucket, "n", now=later)
            with contextlib.suppress(Killed):
                replay_all(bucket, concurrency=chance.choice([1, 3]), claims=claims)
            bucket.before = bucket.after = lambda operation, request: None
            expire_claims(bucket)

        replay_all(bucket, claims=claims_of(bucket, "last", now=later))

        assert_closed(bucket)


def replay_and_die(folder: Path, calls: int, moment: str) -> None:
    """What a child process does: replay, and end itself with SIGKILL at a call."""
    bucket = Bucket(FileObjects(folder))
    left = itertools.count(calls, -1)

    def kill(operation: str, request: dict[str, Any]) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(bucket, moment, kill)
    replay_all(bucket)


class FileStreams(Streams):
    """A data stream whose records are in a file."""

    path: Path

    def put_records(self, **request: Any) -> dict[str, Any]:
        answer = super().put_records(**request)
        with self.path.open("a") as file:
            file.writelines(f"{json.loads(record['Data'])['eventID']}\n" for record in request["Records"])
        return answer


def send_and_die(folder: Path, calls: int, moment: str) -> None:
    """What a child process does: send into the stream, and end itself at a call of the bucket."""
    bucket = Bucket(FileObjects(folder))
    left = itertools.count(calls, -1)

    def kill(operation: str, request: dict[str, Any]) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if calls >= 0:
        setattr(bucket, moment, kill)
    streams = FileStreams()
    streams.path = folder.parent / f"{folder.name}.stream"
    sink = kinesis_sink(streams, "changes", 3, Event())
    replay_all(bucket, sink=sink, claims=claims_of(bucket, str(calls), now=later if calls < 0 else now))


def now() -> datetime:
    return datetime.now(UTC)


def replay_slowly(folder: Path) -> None:
    """What a child process does that is killed from outside: each call takes a millisecond more."""
    replay_all(Bucket(FileObjects(folder), before=lambda operation, request: time.sleep(0.001)))


@pytest.fixture(scope="module")
def processes() -> Any:
    """Children come from a server that has everything imported: a kill costs no start of Python."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.replay.test_kill"])
    return context


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_killed_at_any_call_leaves_what_a_second_run_closes(
    processes: Any, tmp_path: Path, moment: str
) -> None:
    for calls in range(calls_of_a_run(moment)):
        folder = tmp_path / str(calls)
        folder.mkdir()
        bucket = filled(Bucket(FileObjects(folder)))
        child = processes.Process(target=replay_and_die, args=(folder, calls, moment))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        child.close()

        resume(bucket)

        assert_closed(bucket)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_killed_while_it_sends_loses_nothing_and_repeats_one_batch_at_most(
    processes: Any, tmp_path: Path, moment: str
) -> None:
    expected = Counter(f"e{number}" for number in range(1200))
    for calls in range(9):
        folder = tmp_path / str(calls)
        folder.mkdir()
        bucket = Bucket(FileObjects(folder))
        bucket.fill(next(iter(OBJECTS)), error_object(change(number) for number in range(1200)))
        child = processes.Process(target=send_and_die, args=(folder, calls, moment))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        child.close()

        send_and_die(folder, -1, moment)

        sent = Counter((tmp_path / f"{calls}.stream").read_text().split())
        assert not expected - sent
        assert (sent - expected).total() <= 500
        assert states(bucket) == [State.DONE]


@pytest.mark.slow
def test_a_process_killed_at_any_time_leaves_what_a_second_run_closes(processes: Any, tmp_path: Path) -> None:
    chance = random.Random(7)
    killed = 0
    for number in range(100):
        folder = tmp_path / str(number)
        folder.mkdir()
        bucket = filled(Bucket(FileObjects(folder)))
        child = processes.Process(target=replay_slowly, args=(folder,))
        child.start()
        while child.is_alive() and not bucket.keys(CLAIMS):
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.06))
        child.kill()
        child.join()
        killed += child.exitcode == -signal.SIGKILL
        child.close()

        replay_all(bucket, claims=claims_of(bucket, "second", now=later))

        assert_closed(bucket)
    assert killed > 30
