"""One batch: the loop over its records, and one answer for each. This is the hot path."""

from collections.abc import Callable, Iterable
from typing import Any

from pybase64 import b64decode, b64encode_as_string

from ttl_archive.transform.convert import Drop, converter
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.limits import RESPONSE_BYTES, Answer, failed, response_bytes
from ttl_archive.transform.metrics import BatchTally
from ttl_archive.transform.overflow import Event, FindTarget, shed_overflow
from ttl_archive.transform.reingest import seconds_left, source_of
from ttl_archive.transform.settings import Settings

Response = dict[str, list[Answer]]
TransformBatch = Callable[[Event, Any], Response]


def batch_transform(
    settings: Settings, find_target: FindTarget = source_of, limit: int = RESPONSE_BYTES
) -> TransformBatch:
    """Return the function that answers a Firehose event: every record id once, in order, within the limit.

    A record that cannot become a row fails alone; Firehose then keeps its source bytes under the error output
    prefix. `find_target` and `limit` are for tests.
    """
    convert = converter(settings)
    date_column = settings.output.date_column if settings.output.partition_by == "event" else None

    def answered(records: Iterable[dict[str, Any]], tally: BatchTally) -> list[Answer]:
        answers: list[Answer] = []
        rules: list[str] = []
        bytes_received = delivered = 0
        for record in records:
            record_id = record["recordId"]
            encoded = ""
            try:
                try:
                    data = b64decode(record["data"], None, True)
                except (KeyError, TypeError, ValueError):
                    raise RecordError("NotBase64") from None
                encoded = record["data"]
                bytes_received += len(data)
                outcome = convert(data)
            except Exception as error:  # noqa: BLE001  an unexpected error must not fail the other records
                tally.fail_by(record_id, error)
                answers.append(failed(record_id, encoded))
                continue
            if isinstance(outcome, Drop):
                rules.append(outcome.rule)
                # `limits.dropped` without its call, because most records are dropped.
                answers.append({"recordId": record_id, "result": "Dropped", "data": ""})
                continue
            ok: Answer = {"recordId": record_id, "result": "Ok", "data": b64encode_as_string(outcome.line)}
            if date_column:
                ok["metadata"] = {"partitionKeys": {date_column: outcome.date}}
            answers.append(ok)
            delivered += 1
        tally.delivered, tally.bytes_received = delivered, bytes_received
        tally.dropped.update(rules)
        return answers

    def transform_batch(event: Event, context: Any = None) -> Response:
        tally = BatchTally()
        answers = answered(event.get("records", ()), tally)
        tally.received = len(answers)
        if (size := response_bytes(answers)) > limit:
            shed_overflow(event, answers, settings, tally, seconds_left(context), find_target, limit)
            size = response_bytes(answers)
        tally.bytes_returned = size
        print(tally.log_line(settings.table.name, event), flush=True)  # noqa: T201  Lambda's log is stdout
        return {"records": answers}

    return transform_batch
