"""The items of the demo: two stations' real readings, and six items that something happens to.

An item is DynamoDB JSON: {"deviceID": {"S": "seattle"}, "temperature": {"N": "39.4"}, ...}.
"""

import csv
import gzip
import io
import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import chain, combinations
from pathlib import Path
from typing import Any

from ttl_archive.transform.errors import ArchiveError

Item = dict[str, Any]

KEYS = ("deviceID", "readingTime")
KEPT_FOR = timedelta(days=365)
_STATIONS = {
    "seattle": ("seattle-temps.csv.gz", "%Y/%m/%d %H:%M"),
    "san-francisco": ("sf-temps.csv.gz", "%Y/%m/%d %H:%M:%S"),
}

# What happens to each is told in story.py. All are read at the same hour, and so expire in the first night.
USER_DELETED = ("seattle", "2010-01-01T03:00:00Z")
RENEWED = ("san-francisco", "2010-01-01T03:00:00Z")


class TableFileError(ArchiveError):
    """The file given with --table-file cannot be used."""


def readings() -> Iterator[Item]:
    """Every reading of both stations, each to expire a year after it was taken."""
    for station, (name, time_format) in _STATIONS.items():
        data = files("ttl_archive.infra.local.demo").joinpath("data", name).read_bytes()
        for row in csv.DictReader(io.StringIO(gzip.decompress(data).decode())):
            taken = datetime.strptime(row["date"], time_format).replace(tzinfo=UTC)
            yield _reading(station, taken, row["temp"])


def special_items() -> list[Item]:
    """An item with every attribute type, one that cannot become a row, and one without a TTL."""
    every_type = _reading("every-type", datetime(2010, 1, 1, 1, tzinfo=UTC), "-1.5E-7") | {
        "text": {"S": 'quotes ", backslash \\, a\nnew line, 下野'},
        "exact": {"N": "12345678901234567890123456789012345678"},
        "bytes": {"B": b"\x12\x02\x08\x7b"},
        "flag": {"BOOL": True},
        "nothing": {"NULL": True},
        "place": {"M": {"city": {"S": "Seattle"}, "geo": {"M": {"lat": {"N": "47.60621"}}}}},
        "list": {"L": [{"N": "1"}, {"S": "two"}, {"BOOL": False}, {"L": []}, {"M": {}}]},
        "texts": {"SS": ["b", "a"]},
        "numbers": {"NS": ["3", "1.5"]},
        "blobs": {"BS": [b"\x00", b"\xff"]},
        "empty": {"S": ""},
    }
    # It has an attribute named as the column that deviceID goes into: two values would meet in one column.
    poison = _reading("poison", datetime(2010, 1, 1, 2, tzinfo=UTC), "40.1") | {
        "device_id": {"S": "legacy-17"}
    }
    forever = _reading("kept-forever", datetime(2010, 1, 1, tzinfo=UTC), "50.0")
    del forever["expiredAt"]
    return [every_type, poison, forever]


def key_of(item: Mapping[str, Any], keys: Iterable[str] = KEYS) -> Item:
    """The key attributes of an item."""
    return {name: item[name] for name in keys}


def table_file(path: Path) -> list[Item]:
    """The user's own items: DynamoDB JSON lines, or a data file of a DynamoDB export to S3 (.json.gz).

    A line is an item, or an item under "Item". Raises TableFileError naming file and line.
    Source: DynamoDB Developer Guide, S3DataExport.Output.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    except (OSError, EOFError, ValueError) as error:
        raise TableFileError(f"{path} cannot be read: {error}") from None
    lines = enumerate(text.split("\n"), start=1)  # splitlines() would also split at U+2028, which JSON allows
    items = [_item_in(line, f"{path}, line {number}") for number, line in lines if line.strip()]
    if not items:
        raise TableFileError(f"{path} has no item. Write one item a line, as DynamoDB JSON")
    return items


def infer_keys(items: Sequence[Item]) -> tuple[str, ...]:
    """The first attribute, or pair of them, that every item has and no two items share."""
    shared = [name for name in items[0] if all(set(item.get(name, ())) & {"S", "N", "B"} for item in items)]
    for names in chain(((name,) for name in shared), combinations(shared, 2)):
        if all_differ(items, names):
            return names
    raise TableFileError("no attribute, nor pair, tells the items apart. Name the table's keys with --key")


def all_differ(items: Sequence[Item], names: Iterable[str]) -> bool:
    """Whether no two items have the same values in these attributes."""
    return len({json.dumps([item.get(name) for name in names], default=repr) for item in items}) == len(items)


def _reading(station: str, taken: datetime, temperature: str) -> Item:
    return {
        "deviceID": {"S": station},
        "readingTime": {"S": taken.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "temperature": {"N": temperature},
        "expiredAt": {"N": str(int((taken + KEPT_FOR).timestamp()))},
    }


def _item_in(line: str, where: str) -> Item:
    try:
        found = json.loads(line)
        return {name: _for_boto3(value) for name, value in found.get("Item", found).items()}
    except (ValueError, AttributeError, TypeError):
        example = '{"pk": {"S": "a"}, "expires": {"N": "1767225600"}}'
        raise TableFileError(f"{where} is not an item in DynamoDB JSON, such as {example}") from None


def _for_boto3(value: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute value with its binary as bytes, as boto3 takes it."""
    ((kind, content),) = value.items()
    convert: dict[str, Callable[[Any], Any]] = {
        "B": lambda encoded: b64decode(encoded, validate=True),
        "BS": lambda encoded: [b64decode(one, validate=True) for one in encoded],
        "M": lambda members: {name: _for_boto3(member) for name, member in members.items()},
        "L": lambda members: [_for_boto3(member) for member in members],
    }
    return {kind: convert[kind](content) if kind in convert else content}
