"""AWS's numbers as literals: a constant that changes fails here, whoever else computes with it."""

import base64
import json
from typing import Any

from tests.transform.builders import settings
from ttl_archive.transform.batch import batch_transform
from ttl_archive.transform.limits import Answer, fits_alone, over_the_limit, response_bytes
from ttl_archive.transform.reingest import delivery_stream, kinesis_stream


def ok(size: int) -> Answer:
    """An answer with which, alone, the response has that many bytes."""
    empty: Answer = {"recordId": "1", "result": "Ok", "data": ""}
    return {**empty, "data": "A" * (size - response_bytes([empty]))}


def _change(item: dict[str, Any]) -> dict[str, Any]:
    """A TTL removal of that item, as the Kinesis feed has it."""
    return {
        "eventID": "1",
        "eventName": "REMOVE",
        "tableName": "devices",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        "dynamodb": {"ApproximateCreationDateTime": 1_763_600_000_000, "Keys": item, "OldImage": item},
    }


def test_a_response_has_6_000_000_bytes_at_most() -> None:
    assert over_the_limit([ok(6_000_000)]) == []
    assert over_the_limit([ok(6_000_001)]) == [0]
    assert fits_alone(ok(6_000_000))
    assert not fits_alone(ok(6_000_001))


def test_a_batch_is_answered_with_6_000_000_bytes_at_most() -> None:
    item = {"id": {"S": "x" * 380_000}}
    data = base64.b64encode(json.dumps(_change(item)).encode()).decode()
    records = [{"recordId": str(number), "data": data} for number in range(8)]

    response = batch_transform(settings(overflow="fail"))({"records": records})

    assert 5_000_000 < len(json.dumps(response)) <= 6_000_000
    assert response["records"][-1]["result"] == "ProcessingFailed"


def test_a_call_of_put_records_holds_500_records_and_5_mib() -> None:
    target = kinesis_stream(None, "arn:aws:kinesis:us-east-1:123456789012:stream/changes")

    assert (target.max_records, target.max_bytes) == (500, 5_242_880)


def test_a_call_of_put_record_batch_holds_500_records_and_4_mib() -> None:
    target = delivery_stream(None, "arn:aws:firehose:us-east-1:123456789012:deliverystream/changes")

    assert (target.max_records, target.max_bytes) == (500, 4_194_304)


def test_a_batch_is_brought_within_the_limit_to_the_byte() -> None:
    item = {"id": {"S": "x"}}
    data = base64.b64encode(json.dumps(_change(item)).encode()).decode()
    event = {"records": [{"recordId": str(number), "data": data} for number in range(3)]}
    whole = response_bytes(batch_transform(settings())(event)["records"])

    served = batch_transform(settings(overflow="fail"), limit=whole)(event)["records"]
    cut = batch_transform(settings(overflow="fail"), limit=whole - 1)(event)["records"]

    assert [answer["result"] for answer in served] == ["Ok", "Ok", "Ok"]
    assert [answer["result"] for answer in cut] == ["Ok", "Ok", "ProcessingFailed"]
