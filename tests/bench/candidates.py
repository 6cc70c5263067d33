"""What is measured: the floor, the baseline and our handler, each as decode, handle and encode.

floor       what the runtime does around any handler: simplejson both ways, and one base64 round trip by the
            fastest codec. Its rows are made beforehand.
baseline    AWS's own pieces put together as their documents show: the Firehose data classes of Powertools for
            AWS Lambda, boto3's TypeDeserializer, json or csv. As it stands the deserializer raises on the
            feed's binary; here it does not. Numbers lose digits and sets lose their order all the same.
handler     ttl_archive.transform.batch.batch_transform
marshaller  the same, with the runtime client's marshaller replaced by ttl_archive.transform.marshaller
"""

import csv
import json
import os
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any, NamedTuple

import pybase64
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from formats import Format


class Candidate(NamedTuple):
    """The three steps of an invocation."""

    decode: Callable[[bytes], Any]
    handle: Callable[[Any], Any]
    encode: Callable[[Any], tuple[str | bytes, str]]


# With the image on, 3 MiB of TTL removals alone can exceed the response's limit: here all rows are delivered.
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


def handler(fmt: Format) -> Candidate:
    """Return our handler in the standard runtime."""
    from ttl_archive.transform.batch import batch_transform
    from ttl_archive.transform.settings import parse

    handle = batch_transform(parse(fmt.document), limit=NO_LIMIT)
    return Candidate(_runtime.unmarshal_request, handle, _runtime.marshal_response)


def marshaller(fmt: Format) -> Candidate:
    """Return our handler with the marshaller hook."""
    from ttl_archive.transform.marshaller import Marshaller

    ours = Marshaller(_runtime)
    return Candidate(ours.unmarshal_request, handler(fmt).handle, ours.marshal_response)


def baseline(fmt: Format) -> Candidate:
    """Return the handler of Powertools and TypeDeserializer."""
    from aws_lambda_powertools.utilities.data_classes import (
        KinesisFirehoseDataTransformationResponse,
        KinesisFirehoseEvent,
    )
    from aws_lambda_powertools.utilities.serialization import base64_from_str
    from boto3.dynamodb.types import TypeDeserializer

    class Deserializer(TypeDeserializer):  # type: ignore[misc]
        def _deserialize_b(self, value: str) -> str:
            return b64decode(value).decode()

    deserialize = Deserializer().deserialize
    columns = {path: column for column, path in fmt.columns}
    write = _csv_line if fmt.is_csv else _json_line

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        response = KinesisFirehoseDataTransformationResponse()
        for record in KinesisFirehoseEvent(event).records:
            change = record.data_as_json
            if _is_ttl_removal(change):
                data = base64_from_str(write(row(change)))
                answer = record.build_data_transformation_response(data=data)
            else:
                answer = record.build_data_transformation_response(result="Dropped")
            response.add_record(answer)
        return response.asdict()  # type: ignore[no-any-return]

    def row(change: dict[str, Any]) -> dict[str, Any]:
        stream_record = change["dynamodb"]
        us = stream_record["ApproximateCreationDateTime"]
        image = stream_record["OldImage"]
        row = {
            "ddb_table": change["tableName"],
            "ddb_event_id": change["eventID"],
            "ddb_event_name": change["eventName"],
            "ddb_event_time": datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
            "ddb_event_us": us,
            "ddb_removed_by": "ttl",
        }
        for name, value in image.items():
            row[columns.get(name, name)] = deserialize(value)
        if fmt.has_image:
            row["ddb_image"] = json.dumps(image, ensure_ascii=False)
        return row

    return Candidate(_runtime.unmarshal_request, handle, _runtime.marshal_response)


def _is_ttl_removal(change: dict[str, Any]) -> bool:
    identity = change.get("userIdentity") or {}
    return (
        change["eventName"] == "REMOVE"
        and identity.get("type") == "Service"
        and identity.get("principalId") == "dynamodb.amazonaws.com"
    )


def _json_line(row: dict[str, Any]) -> str:
    return json.dumps(row, default=_plain, ensure_ascii=False) + "\n"


def _csv_line(row: dict[str, Any]) -> str:
    buffer = StringIO()
    cells = [json.dumps(v, default=_plain) if isinstance(v, (dict, list, set)) else v for v in row.values()]
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _plain(value: object) -> object:
    """Return a value that json can write, as articles on TypeDeserializer do it."""
    if isinstance(value, Decimal):
        return int(value) if value % 1 == 0 else float(value)
    if isinstance(value, set):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


CANDIDATES: dict[str, Callable[[Format], Candidate]] = {
    "baseline": baseline,
    "handler": handler,
    "marshaller": marshaller,
}
