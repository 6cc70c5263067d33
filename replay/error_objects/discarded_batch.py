"""What Lambda leaves of a batch that its event source mapping gave up: one JSON document with every record.

The mapping on the table's stream writes it to its on-failure destination, a bucket of its own:

    requestContext       condition (RetryAttemptsExhausted, RecordAgeExceeded), approximateInvokeCount
    responseContext      functionError; missing when the records became too old
    DDBStreamBatchInfo   shard, sequence numbers
    payload              the event, {"Records": [...]}; as an object, or as JSON text in a string (UNVERIFIED)

Source: AWS Lambda Developer Guide, services-dynamodb-errors; LS-esm.
"""

from typing import Any, NamedTuple

from msgspec import DecodeError, Struct, field
from msgspec.json import Decoder

from ttl_archive.transform.nesting import is_too_deep
from ttl_archive.transform.source_bytes import source_bytes


class DiscardedRecord(NamedTuple):
    """A record of the stream, as the forwarder would read it, and why Lambda gave it up."""

    data: bytes
    condition: str
    message: str
    attempts: Any


class _Request(Struct):
    condition: Any = None
    attempts: Any = field(default=None, name="approximateInvokeCount")


class _Response(Struct):
    function_error: Any = field(default=None, name="functionError")


class _Document(Struct):
    request: _Request = field(default_factory=_Request, name="requestContext")
    response: _Response | None = field(default=None, name="responseContext")
    payload: Any = None


_decode_document = Decoder(_Document).decode
_decode = Decoder().decode


def discarded_records(content: bytes) -> list[DiscardedRecord]:
    """Return the records of a document, which must be a JSON object that is not nested too deep.

    There are none when it has no payload that can be read; a destination other than S3 gets none.
    """
    try:
        document = _decode_document(content)
        payload = document.payload
        event = _event(payload) if isinstance(payload, str) else payload
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return []
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return []
    condition, error = document.request.condition, document.response and document.response.function_error
    return [
        DiscardedRecord(
            source_bytes(record),
            condition if isinstance(condition, str) else "",
            f"the function failed: {error}" if isinstance(error, str) else "",
            document.request.attempts,
        )
        for record in records
    ]


def _event(text: str) -> Any:
    """Return the event in a payload of text; None when it is nested deeper than AWS writes."""
    content = text.encode()
    return None if is_too_deep(content) else _decode(content)
