"""The demo's own items: real readings of two stations, and a few items that something special happens to."""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from ttl_archive.replay.items.attribute_values import Item

KEYS = ("deviceID", "readingTime")
KEPT_FOR = timedelta(days=365)
_STATIONS = {
    "seattle": ("seattle-temps.csv.gz", "%Y/%m/%d %H:%M"),
    "san-francisco": ("sf-temps.csv.gz", "%Y/%m/%d %H:%M:%S"),
}

# story.py says what happens to each. All were read at the same hour, and so expire in the first night.
USER_DELETED = ("seattle", "2010-01-01T03:00:00Z")
RENEWED = ("san-francisco", "2010-01-01T03:00:00Z")


def readings() -> Iterator[Item]:
    """Yield every reading of both stations; each expires a year after it was taken."""
    for station, (name, time_format) in _STATIONS.items():
        data = files("ttl_archive.infra.local.demo").joinpath("data", name).read_bytes()
        for row in csv.DictReader(io.StringIO(gzip.decompress(data).decode())):
            taken = datetime.strptime(row["date"], time_format).replace(tzinfo=UTC)
            yield _reading(station, taken, row["temp"])


def is_reading(item: Item) -> bool:
    """Return whether an item is a reading of one of the stations."""
    return item["deviceID"]["S"] in _STATIONS


def special_items() -> list[Item]:
    """Return an item with every attribute type, one that cannot become a row, and one without a TTL."""
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
    # Its attribute device_id has the name of the column that deviceID goes into: one column, two values.
    poison = _reading("poison", datetime(2010, 1, 1, 2, tzinfo=UTC), "40.1") | {
        "device_id": {"S": "legacy-17"}
    }
    forever = _reading("kept-forever", datetime(2010, 1, 1, tzinfo=UTC), "50.0")
    del forever["expiredAt"]
    return [every_type, poison, forever]


def reading_key(item: Item, keys: Iterable[str] = KEYS) -> Item:
    """Return the key attributes of an item."""
    return {name: item[name] for name in keys}


def _reading(station: str, taken: datetime, temperature: str) -> Item:
    return {
        "deviceID": {"S": station},
        "readingTime": {"S": taken.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "temperature": {"N": temperature},
        "expiredAt": {"N": str(int((taken + KEPT_FOR).timestamp()))},
    }
