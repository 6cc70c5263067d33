"""Rows that do not fit into the response: their records are put back into their source, or fail.

the row would not fit even alone           ProcessingFailed, RowTooLarge
overflow = "fail"                          ProcessingFailed, ResponseFull
from a data stream, without partition key  ProcessingFailed, NoPartitionKey
it arrived an hour after its change        ProcessingFailed, ReingestLoop
put back, and the service confirmed it     Dropped
put back, and not confirmed                ProcessingFailed, ReingestRefused
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pybase64

from ttl_archive.transform.limits import (
    RESPONSE_BYTES,
    Answer,
    Entry,
    dropped,
    failed,
    fits_alone,
    over_the_limit,
)
from ttl_archive.transform.metrics import REINGEST_LOOP, BatchTally
from ttl_archive.transform.records import event_us, parse_record
from ttl_archive.transform.reingest import Target, TimeLeft, reingest, source_of
from ttl_archive.transform.settings import Settings

# A change arrives within seconds. One that arrives an hour late was put back several times, or was delayed
# before; the error output prefix keeps both. A round takes at most the buffer interval, 15 minutes.
MAX_ARRIVAL_LAG_US = 3_600 * 1_000_000

Event = dict[str, Any]
FindTarget = Callable[[Event], Target]


def shed_overflow(
    event: Event,
    answers: list[Answer],
    settings: Settings,
    tally: BatchTally,
    time_left: TimeLeft,
    find_target: FindTarget = source_of,
    limit: int = RESPONSE_BYTES,
) -> None:
    """Change the answers in place until the response is within the limit, and count the results.

    Records whose rows do not fit are put back, or fail; see the table above.
    """
    positions = over_the_limit(answers, limit)
    leaving = [position for position in positions if answers[position]["result"] == "Ok"]
    going_back: list[int] = []
    for position in leaving:
        code = _reason_to_fail(event, position, answers[position], settings, limit)
        if code is None:
            going_back.append(position)
        else:
            tally.fail(answers[position]["recordId"], code)
    for position in positions:  # until it is confirmed, an answer fails, without the copy of its data
        answers[position] = failed(answers[position]["recordId"])
    tally.delivered -= len(leaving)
    if going_back:
        _put_back(event, going_back, answers, tally, time_left, find_target)


def _reason_to_fail(
    event: Event, position: int, answer: Answer, settings: Settings, limit: int
) -> str | None:
    record = event["records"][position]
    if not fits_alone(answer, limit):
        return "RowTooLarge"
    if settings.output.overflow == "fail":
        return "ResponseFull"
    if event.get("sourceKinesisStreamArn") and not _partition_key(record):
        return "NoPartitionKey"  # the service would refuse the whole call for it
    return REINGEST_LOOP if _is_reingest_loop(record) else None


def _put_back(
    event: Event,
    positions: Sequence[int],
    answers: list[Answer],
    tally: BatchTally,
    time_left: TimeLeft,
    find_target: FindTarget,
) -> None:
    entries = [_entry(position, event["records"][position]) for position in positions]
    try:
        target = find_target(event)
    except Exception as error:  # noqa: BLE001  without a client, the rows that fit are still delivered
        confirmed, errors = set[int](), Counter({type(error).__name__: len(entries)})
    else:
        confirmed, errors = reingest(target, entries, time_left)
    tally.reingest_errors = errors
    for position in positions:
        record_id = answers[position]["recordId"]
        if position in confirmed:
            answers[position] = dropped(record_id)
            tally.reingested += 1
        else:
            tally.fail(record_id, "ReingestRefused")


def _entry(position: int, record: dict[str, Any]) -> Entry:
    return Entry(position, pybase64.b64decode(record["data"]), _partition_key(record))


def _partition_key(record: dict[str, Any]) -> str:
    """Return the record's key on its data stream; it is empty for a record that was put directly."""
    return (record.get("kinesisRecordMetadata") or {}).get("partitionKey") or ""


def _is_reingest_loop(record: dict[str, Any]) -> bool:
    """Return whether the record arrived so long after its change that it must have been put back before."""
    changed_us = event_us(parse_record(pybase64.b64decode(record["data"])).dynamodb)
    return _arrival_us(record) - changed_us > MAX_ARRIVAL_LAG_US


def _arrival_us(record: dict[str, Any]) -> int:
    """Return when the stream received the record, in microseconds: now, when the record has no time.

    Real events have milliseconds, and some published samples ISO text.
    """
    arrived = record.get("approximateArrivalTimestamp")
    try:
        if isinstance(arrived, str):
            return int(datetime.fromisoformat(arrived).timestamp() * 1_000_000)
        return int(arrived * 1000)  # type: ignore[operator]
    except (TypeError, ValueError):
        return time.time_ns() // 1000
