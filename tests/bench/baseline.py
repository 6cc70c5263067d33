"""The baseline: AWS's own pieces put together as their documents show.

They are the Firehose data classes of Powertools for AWS Lambda, boto3's TypeDeserializer, json or csv. As it
is, the deserializer raises on the feed's binary; here it does not. Numbers lose digits and sets lose their
order all the same. What does not fit into a response is put back as AWS's blueprint does it.
"""

import csv
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import boto3
from aws_lambda_powertools.utilities.data_classes import (
    KinesisFirehoseDataTransformationResponse,
    KinesisFirehoseEvent,
)
from aws_lambda_powertools.utilities.serialization import base64_from_str
from boto3.dynamodb.types import TypeDeserializer
from formats import Format

_CALL_RECORDS = 500  # Source: kinesis-firehose-cloudwatch-logs-processor-python, AWS's blueprint.

Handle = Callable[[dict[str, Any]], dict[str, Any]]


class _Deserializer(TypeDeserializer):  # type: ignore[misc]
    def _deserialize_b(self, value: str) -> str:
        return b64decode(value).decode()


def baseline_handler(fmt: Format) -> Handle:
    """Return the handler of Powertools and TypeDeserializer."""
    deserialize = _Deserializer().deserialize
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

    return handle


def reingesting(plain: Handle, limit: int) -> Handle:
    """Return the handler that puts back the records whose rows do not fit. It makes its client once."""
    client = boto3.client("kinesis", region_name="us-east-1")

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        response = plain(event)
        waiting = _take_out(event["records"], response["records"], limit)
        for start in range(0, len(waiting), _CALL_RECORDS):
            batch = waiting[start : start + _CALL_RECORDS]
            answer = client.put_records(StreamARN=event["sourceKinesisStreamArn"], Records=batch)
            if answer["FailedRecordCount"]:
                raise RuntimeError("The data stream refused records.")
        return response

    return handle


def _take_out(records: list[Any], answers: list[Any], limit: int) -> list[dict[str, Any]]:
    """Change the answers that do not fit to Dropped, and return the entries of their records."""
    waiting, size = [], 0
    for record, answer in zip(records, answers, strict=True):
        if answer["result"] == "Ok":
            size += len(answer["data"]) + len(answer["recordId"])
            if size > limit:
                key = record["kinesisRecordMetadata"]["partitionKey"]
                waiting.append({"Data": b64decode(record["data"]), "PartitionKey": key})
                answer |= {"result": "Dropped", "data": ""}
    return waiting


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
