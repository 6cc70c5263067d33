"""The entry that Lambda calls for one batch of a Step Functions Distributed Map: the same replay, per object.

event      {"bucket": "my-archive", "items": [{"Key": "errors/...", "Size": 123}], "sink": "s3"}
           and "stream": NAME with the sinks kinesis and firehose
answer     {"objects": {"done": 1}, "lines": 10, "rows": 9, "dropped": {}, "refused": {"NotJson": 1},
            "waived": 0, "possible_duplicates": 0, "not_done": []}

An object that is done, waived, or refused by this same transform is left as it is. One that could not be
judged to the end makes the call fail, so that the map tries the batch again; what is settled stays settled.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Event, Timer
from typing import Any

from ttl_archive.replay.aws import Clients
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.error_objects.objects import find_object
from ttl_archive.replay.errors import ReplayError, StoppedError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Ending, Run, replay_object
from ttl_archive.replay.replay_run import Summary
from ttl_archive.replay.sinks.registry import make_sink
from ttl_archive.replay.verdict import judge
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings, load
from ttl_archive.transform.verdict_version import transform_identity

# Reserved of the function's time: to end the records in hand and release the object.
_RESERVE_S = 20
_NAMED_AT_MOST = 20
_UNFINISHED = (Ending.FAILED, Ending.STOPPED, Ending.BUSY, Ending.UNSENT)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Replay the objects of one batch. Raises ReplayError when one could not be finished."""
    left_s = max(0.0, context.get_remaining_time_in_millis() / 1000)
    stop = Event()
    timer = Timer(max(0.0, left_s - _RESERVE_S), stop.set)
    timer.daemon = True
    timer.start()
    try:
        return replay_batch(event, _clients(), _settings(), stop=stop, left_s=left_s)
    finally:
        timer.cancel()


def replay_batch(
    event: dict[str, Any], clients: Clients, settings: Settings, *, stop: Event, left_s: float
) -> dict[str, Any]:
    """Replay the objects of one batch with these clients and settings in the seconds left.

    Raises MisuseError, before anything is read, when the sink takes nothing or the store ignores conditions,
    and ReplayError when an object could not be judged to the end.
    """
    s3, bucket, sink_name = clients("s3"), event["bucket"], event.get("sink", "s3")
    stream = event["stream"] if sink_name != "s3" else None
    end = datetime.now(UTC) + timedelta(seconds=left_s)
    run = Run(
        s3,
        # A claim that outlives the function would keep the map's next try from the object.
        Claims(s3, bucket, settings.table.name, new_owner("function"), not_after=end),
        make_sink(sink_name, stream, bucket, clients, settings, stop=stop),
        judge(settings),
        transform_identity(settings),
        Rate(),
        stop,
    )
    run.sink.check()
    _check_store(clients, bucket, settings.table.name)
    summary = Summary()
    for item in event["items"]:
        if stop.is_set():
            raise StoppedError("the function's time is up before its batch is done; the next try resumes")
        if not layout.holds_no_errors(item["Key"]) and not item["Key"].endswith("/"):
            summary.add(replay_object(run, find_object(s3, bucket, item["Key"])))
    if any(summary.objects[ending] for ending in _UNFINISHED):
        raise ReplayError("; ".join(f"{key}: {why}" for key, why in summary.reasons[:_NAMED_AT_MOST]))
    return _answer(summary)


def _answer(summary: Summary) -> dict[str, Any]:
    tally = summary.tally
    return {
        "objects": dict(summary.objects),
        "lines": tally.lines,
        "rows": tally.rows,
        "dropped": dict(tally.dropped),
        "refused": dict(tally.refused),
        "waived": tally.waived,
        "possible_duplicates": summary.possible_duplicates,
        "not_done": [{"object": key, "reason": reason} for key, reason in summary.reasons[:_NAMED_AT_MOST]],
    }


@cache
def _check_store(clients: Clients, bucket: str, table: str) -> None:
    """Check the store as `Claims.check_store`, once in an environment: a store keeps to what it knows."""
    Claims(clients("s3"), bucket, table, new_owner("function")).check_store()


@cache
def _settings() -> Settings:
    return load()


@cache
def _clients() -> Clients:
    return Clients()
