"""One batch of a DynamoDB stream -> rows in a delivery stream, and what must be retried.

The event source mapping needs FunctionResponseTypes ReportBatchItemFailures: without it, Lambda takes every
answer for success.

outcome of a record                  what is confirmed before the record is acknowledged
a row                                the put of its Firehose record
dropped by a rule                    nothing
refused, or its row is too large     the put of the error object that holds its data

Records are acknowledged up to the first one that is not confirmed. That one and all after it are delivered
again, so a row can arrive twice and none is lost.

Confirmed by Firehose is not yet delivered: Firehose keeps a record that was put directly for 24 hours when
the bucket cannot be written, and discards it after that. On the Kinesis road the data stream keeps the
records for its own retention, 7 days by default.

Source: AWS Lambda Developer Guide, batch failure reporting for DynamoDB Streams; Amazon Data Firehose
Developer Guide, data delivery failure handling.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ttl_archive.transform.convert import Convert, Drop, Row, converter
from ttl_archive.transform.errors import RecordError, SettingsError
from ttl_archive.transform.forward_tally import ForwardTally
from ttl_archive.transform.limits import FIREHOSE_RECORD_BYTES
from ttl_archive.transform.packed_rows import pack_rows, put_in_order
from ttl_archive.transform.refusal import Refusal
from ttl_archive.transform.refusals import put_refusals
from ttl_archive.transform.reingest import LEAST_TIME_LEFT_S, Target, TimeLeft, seconds_left
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.source_bytes import source_bytes, stream_record

Outcome = Row | Drop | Refusal
StreamEvent = dict[str, Any]
Failures = dict[str, list[dict[str, str]]]
ForwardBatch = Callable[[StreamEvent, Any], Failures]


def batch_forwarder(settings: Settings, delivery: Target, errors: Target) -> ForwardBatch:
    """Return the function that answers an event of DynamoDB Streams.

    It puts rows into `delivery`, and error objects into `errors`. Raises SettingsError for settings that this
    road cannot keep.
    """
    _check(settings)
    convert = converter(settings)

    def forward_batch(event: StreamEvent, context: Any = None) -> Failures:
        tally = ForwardTally()
        records, time_left = event["Records"], seconds_left(context)
        outcomes = [_outcome(convert, source_bytes(record)) for record in records]
        # Rows must leave time for the error object, else a slow delivery stream would block refused records.
        reserve = LEAST_TIME_LEFT_S if any(isinstance(each, Refusal) for each in outcomes) else 0
        end = _put_rows(outcomes, delivery, lambda: time_left() - reserve, tally)
        refusals = {n: each for n, each in enumerate(outcomes[:end]) if isinstance(each, Refusal)}
        arn = getattr(context, "invoked_function_arn", "")
        if refusals and not put_refusals(settings, errors, [*refusals.values()], arn, time_left, tally):
            end = min(refusals)
        tally.count(outcomes, end, [_sequence_number(record) for record in records])
        print(tally.log_line(settings.table.name, context), flush=True)  # noqa: T201  Lambda's log is stdout
        return _failures(records[end:])

    return forward_batch


def _outcome(convert: Convert, data: bytes) -> Outcome:
    try:
        outcome = convert(data)
    except Exception as error:  # noqa: BLE001  an unexpected error must not fail the other records
        return Refusal(data, error)
    if isinstance(outcome, Row) and len(outcome.line) > FIREHOSE_RECORD_BYTES:
        return Refusal(data, RecordError("RowTooLarge"))
    return outcome


def _put_rows(outcomes: Sequence[Outcome], delivery: Target, time_left: TimeLeft, tally: ForwardTally) -> int:
    """Put the rows; return the position of the first record that is not confirmed, or their number."""
    rows = ((n, each.line) for n, each in enumerate(outcomes) if isinstance(each, Row))
    unconfirmed = put_in_order(delivery, pack_rows(rows), time_left, tally)
    return len(outcomes) if unconfirmed is None else unconfirmed


def _failures(retried: Sequence[Any]) -> Failures:
    """Return the answer: Lambda retries the named record and all after it."""
    return {"batchItemFailures": [{"itemIdentifier": _sequence_number(each)} for each in retried[:1]]}


def _sequence_number(record: Any) -> str:
    """Return the record's number; without one "", at which Lambda retries the whole batch."""
    return str(stream_record(record).get("SequenceNumber", ""))


def _check(settings: Settings) -> None:
    if settings.output.partition_by == "event":
        problem = (
            '[output] partition_by has value "event", which the Streams road does not support: Firehose '
            "would have to parse the rows of a record to split them, and may write numbers differently. "
            'Use "arrival", or the Kinesis road'
        )
        raise SettingsError(settings.file, [problem])
