"""A bounded sample of items, from files or from a live table, each item in DynamoDB JSON."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pybase64 import b64encode_as_string

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.items.item_reader import item_files

# A sample is spread over the table, because the items of one partition key are often alike.
SCAN_SEGMENTS = 16
# Items of one call. A call also ends at 1 MB. Source: DynamoDB API Reference, Scan.
_PAGE_ITEMS = 250


@dataclass(frozen=True, slots=True)
class ItemSource:
    """Where items come from. `total` is how many there are about, or None where nobody knows."""

    place: str
    items: Iterator[Item]
    total: int | None = None


def file_source(paths: Sequence[Path]) -> ItemSource:
    """Return the items of files, in any form that `item_files` reads.

    Reading the items raises ItemFileError.
    """
    items = (item for file in item_files(paths) for item in file.items)
    return ItemSource(", ".join(map(str, paths)), items)


def table_source(dynamodb: Any, table: str, total: int | None, limit: int) -> ItemSource:
    """Return the items of a live table, read by Scan with eventual consistency.

    `limit` is how many will be read: no page is larger than the segment's part of them.
    Reading the items raises ObjectError, or AccessDeniedError when dynamodb:Scan is not allowed.
    """
    page_items = min(_PAGE_ITEMS, -(-limit // SCAN_SEGMENTS))
    return ItemSource(f"table {table}", _scanned(dynamodb, table, page_items), total)


def _scanned(dynamodb: Any, table: str, page_items: int) -> Iterator[Item]:
    """Yield the items page by page, one page of each segment in turn, each read when it is needed."""
    waiting = deque(_segment_pages(dynamodb, table, number, page_items) for number in range(SCAN_SEGMENTS))
    try:
        while waiting:
            segment = waiting.popleft()
            page = next(segment, None)
            if page is not None:
                yield from map(as_dynamodb_json, page)
                waiting.append(segment)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"table {table}", "dynamodb:Scan") from error


def _segment_pages(
    dynamodb: Any, table: str, number: int, page_items: int
) -> Iterator[Sequence[Mapping[str, Any]]]:
    request = {"TableName": table, "Segment": number, "TotalSegments": SCAN_SEGMENTS, "Limit": page_items}
    for page in dynamodb.get_paginator("scan").paginate(**request):
        yield page["Items"]


def as_dynamodb_json(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """Return an item of boto3 in DynamoDB JSON: its binary values as base64 instead of bytes."""
    return {name: _value_as_json(value) for name, value in item.items()}


def _value_as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    convert = _AS_JSON.get(kind)
    return {kind: convert(content) if convert else content}


_AS_JSON: dict[str, Any] = {
    "B": b64encode_as_string,
    "BS": lambda members: [b64encode_as_string(member) for member in members],
    "M": as_dynamodb_json,
    "L": lambda members: [_value_as_json(member) for member in members],
}
