"""What a restore reads and writes, archive, table and file, and what an independent reader finds there."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes import client_error
from tests.replay.samples import change
from tests.simulation.s3_model import S3Model
from tests.simulation.samples import TABLE, VERSIONS
from ttl_archive.transform.convert import Row, converter

SETTINGS = VERSIONS[0].settings
KEYS = tuple(f"archive/{TABLE}/dt=2025-11-20/file-{letter}.jsonl.gz" for letter in "abc")
_CONVERT = converter(SETTINGS)

Version = tuple[str, str]  # partition key of an item, and which of its versions


@dataclass
class TableModel:
    """One table: its items by partition key. `number` differs after the table was created again."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    number: int = 0

    def describe_table(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTable."""
        description = {
            "TableName": request["TableName"],
            "TableArn": f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}",
            "TableId": f"table-{self.number}",
            "KeySchema": [{"AttributeName": "deviceID", "KeyType": "HASH"}],
            "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        }
        return {"Table": description}

    def put_item(self, request: dict[str, Any]) -> dict[str, Any]:
        """PutItem, under the condition that the key is not there."""
        key = request["Item"]["deviceID"]["S"]
        condition = request.get("ConditionExpression")
        assert condition in (None, "attribute_not_exists(#key)")
        if condition and key in self.items:
            raise client_error("ConditionalCheckFailedException", "PutItem", 400)
        self.items[key] = request["Item"]
        return {}


def archived_line(device: int, version: int) -> bytes:
    """Return the row of one version of an item."""
    row = _CONVERT(change(version, deviceID={"S": f"d{device}"}, n={"S": str(version)}))
    assert isinstance(row, Row)
    return row.line


def archived_versions(s3: S3Model) -> set[Version]:
    """Return every version of an item in the archive."""
    lines = (line for stored in s3.objects.values() for line in gzip.decompress(stored.body).splitlines())
    return {_version(json.loads(json.loads(line)["ddb_image"])) for line in lines}


def newest(versions: Iterable[Version]) -> set[Version]:
    """Return the newest version of each item."""
    found: dict[str, int] = {}
    for device, version in versions:
        found[device] = max(int(version), found.get(device, 0))
    return {(device, str(version)) for device, version in found.items()}


def restored_versions(path: Path) -> Counter[Version] | None:
    """Return how often each version is in a restored file, rows or items, or None without a file."""
    if not path.exists():
        return None
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    return Counter(
        _version(each["Item"]) if "Item" in each else (each["deviceID"], each["n"]) for each in documents
    )


def _version(item: dict[str, Any]) -> Version:
    return item["deviceID"]["S"], item["n"]["S"]
