"""What is measured: the floor, the baseline and our handler, each as decode, handle and encode.

floor       what the runtime does around any handler: simplejson both ways, and one base64 round trip by the
            fastest codec. Its rows are made beforehand.
baseline    AWS's own pieces; see the module of that name
handler     ttl_archive.transform.batch.batch_transform
marshaller  the same, with the runtime client's marshaller replaced by ttl_archive.transform.marshaller
in-process  the handler with a data stream that is no process of its own; for the gate

A response may have any size unless the case has a limit. Then the records whose rows do not fit are put back
into the data stream.
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pybase64
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from formats import Format


class Candidate(NamedTuple):
    """The three steps of an invocation."""

    decode: Callable[[bytes], Any]
    handle: Callable[[Any], Any]
    encode: Callable[[Any], tuple[str | bytes, str]]


# With the image on, 3 MiB of TTL removals alone can exceed the response's limit. The twelve workloads deliver
# all of them; overflow_cases.py measures the limit.
NO_LIMIT = 1 << 40

Lines = list[bytes | None]
# The runtime that is deployed: from python3.12 on it writes non-ASCII text as it is.
os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.13"
_runtime = LambdaMarshaller()


def floor(lines: Lines) -> Candidate:
    """Return the least that any handler can do to answer with `lines`; None is a dropped record."""

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        return {
            "records": [answer(record, line) for record, line in zip(event["records"], lines, strict=True)]
        }

    def answer(record: dict[str, Any], line: bytes | None) -> dict[str, str]:
        pybase64.b64decode(record["data"], validate=True)
        if line is None:
            return {"recordId": record["recordId"], "result": "Dropped", "data": ""}
        data = pybase64.b64encode(line).decode()
        return {"recordId": record["recordId"], "result": "Ok", "data": data}

    return Candidate(_runtime.unmarshal_request, handle, _runtime.marshal_response)


def handler(fmt: Format, limit: int = NO_LIMIT) -> Candidate:
    """Return our handler in the standard runtime."""
    from ttl_archive.transform.batch import batch_transform
    from ttl_archive.transform.settings import parse

    handle = batch_transform(parse(fmt.document), limit=limit)
    return Candidate(_runtime.unmarshal_request, handle, _runtime.marshal_response)


def marshaller(fmt: Format, limit: int = NO_LIMIT) -> Candidate:
    """Return our handler with the marshaller hook."""
    from ttl_archive.transform.marshaller import Marshaller

    ours = Marshaller(_runtime)
    return Candidate(ours.unmarshal_request, handler(fmt, limit).handle, ours.marshal_response)


def in_process(fmt: Format, limit: int = NO_LIMIT) -> Candidate:
    """Return our handler with a data stream that confirms every record at once."""
    from ttl_archive.transform.batch import batch_transform
    from ttl_archive.transform.limits import KINESIS_CALL_BYTES, KINESIS_CALL_RECORDS
    from ttl_archive.transform.reingest import Target
    from ttl_archive.transform.settings import parse

    target = Target(lambda entries: [None] * len(entries), KINESIS_CALL_RECORDS, KINESIS_CALL_BYTES)
    handle = batch_transform(parse(fmt.document), lambda _: target, limit)
    return Candidate(_runtime.unmarshal_request, handle, _runtime.marshal_response)


def baseline(fmt: Format, limit: int = NO_LIMIT) -> Candidate:
    """Return the handler of Powertools and TypeDeserializer."""
    from baseline import baseline_handler, reingesting

    handle = baseline_handler(fmt)
    if limit < NO_LIMIT:
        handle = reingesting(handle, limit)
    return Candidate(_runtime.unmarshal_request, handle, _runtime.marshal_response)


CANDIDATES: dict[str, Callable[[Format, int], Candidate]] = {
    "baseline": baseline,
    "handler": handler,
    "marshaller": marshaller,
    "in-process": in_process,
}
