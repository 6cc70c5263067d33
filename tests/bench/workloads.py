"""The twelve workloads: seeded Firehose events of a Kinesis source, by kind of item and TTL share.

kind     image     what is in it
iot300   280 B     11 attributes of a sensor reading
iot1k    940 B     30 attributes: 38-digit numbers, non-ASCII text, escapes, NULL
iot10k   10 KB     a list of 200 numbers, 2.9 KB of binary, long text
nested   1.8 KB    maps in lists, all three set types, empty containers, attributes named S and N
mixed    350 B     six types of item in one table, with keys in common; for the gate, none of the twelve

A share of the changes are TTL removals. The others: INSERT 40 %, MODIFY (both images) 40 %, REMOVE by a
user 20 %.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

RAW_BYTES = 3 * 1024 * 1024  # an event's source data before base64: 4.3 to 5.8 MB of event
LAMBDA_REQUEST_BYTES = 6_291_456  # LDG: Lambda quotas, invocation payload
SHARES = (1.0, 0.5, 0.05)
TABLE = "DeviceData"

STREAM_ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"
_DELIVERY_STREAM_ARN = "arn:aws:firehose:us-east-1:123456789012:deliverystream/archive"
_START_US = 1_767_225_600_000_000  # 2026-01-01
# DDB: time-to-live-ttl-streams
_TTL_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_WORDS = (
    "reading",
    "gate",
    "valve",
    "north",
    "pressure",
    "ok",
    "drift",
    "alarm",
    "reset",
    "operator",
    "batch",
)
_NON_ASCII = ("Zürich", "Łódź", "東京", "température élevée", "Москва", "sensör 😀")

Image = dict[str, dict[str, Any]]
Make = Callable[[Random, int], Image]


@dataclass(frozen=True)
class Workload:
    """One event, as the runtime receives it, and the changes in it."""

    name: str  # kind:share
    body: bytes
    changes: tuple[bytes, ...]  # every record's source data
    is_ttl_removal: tuple[bool, ...]

    @property
    def raw_bytes(self) -> int:
        """The source data before base64, in bytes."""
        return sum(map(len, self.changes))


def names() -> list[str]:
    """Return kind:share of the twelve, in the order of the tables."""
    return [f"{kind}:{share:g}" for kind in KINDS if kind != "mixed" for share in SHARES]


def build(name: str, raw_bytes: int = RAW_BYTES) -> Workload:
    """Return the workload of that name, the same bytes every time, within the limit of a Lambda request."""
    kind, _, share = name.partition(":")
    random = Random(f"{name} of ttl-archive")
    changes, kept, records = [], [], []
    size = event_bytes = 0
    while size < raw_bytes and event_bytes < LAMBDA_REQUEST_BYTES - 64_000:
        is_ttl = random.random() < float(share)
        change = compact(_change(random, KINDS[kind], is_ttl, len(records)))
        record = _record(random, change, len(records))
        changes.append(change)
        kept.append(is_ttl)
        records.append(record)
        size += len(change)
        event_bytes += len(record["data"]) + 420
    event = {
        "invocationId": "3b4a1b2e-1b8c-4e2e-9d0a-0c8f6d1b2a34",
        "sourceKinesisStreamArn": STREAM_ARN,
        "deliveryStreamArn": _DELIVERY_STREAM_ARN,
        "region": "us-east-1",
        "records": records,
    }
    return Workload(name, compact(event), tuple(changes), tuple(kept))


def attributes(kind: str) -> list[str]:
    """Return the attribute names of a kind of item."""
    return list(KINDS[kind](Random(0), 0))


def compact(value: object) -> bytes:
    """Return JSON as DynamoDB writes it: no white space, and text in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _record(random: Random, change: bytes, position: int) -> dict[str, Any]:
    sequence = f"{49628654765235663403446902955224362712470206619186102290 + position:056d}"
    arrived_ms = _START_US // 1000 + position
    return {
        "recordId": sequence + "000000",
        "approximateArrivalTimestamp": arrived_ms,
        "data": b64encode(change).decode(),
        "kinesisRecordMetadata": {
            "sequenceNumber": sequence,
            "subsequenceNumber": 0,
            "partitionKey": f"{random.getrandbits(128):032X}",
            "shardId": "shardId-000000000000",
            "approximateArrivalTimestamp": arrived_ms,
        },
    }


def _change(random: Random, make: Make, is_ttl: bool, position: int) -> dict[str, Any]:
    name = "REMOVE" if is_ttl else random.choices(("INSERT", "MODIFY", "REMOVE"), (40, 40, 20))[0]
    image = make(random, position)
    images = {"INSERT": ("NewImage",), "MODIFY": ("NewImage", "OldImage"), "REMOVE": ("OldImage",)}[name]
    return {
        "awsRegion": "us-east-1",
        "eventID": f"{random.getrandbits(32):08x}-8b1d-4f7e-9f3a-{random.getrandbits(48):012x}",
        "eventName": name,
        "userIdentity": _TTL_IDENTITY if is_ttl else None,
        "recordFormat": "application/json",
        "tableName": TABLE,
        "dynamodb": {
            "ApproximateCreationDateTime": _START_US + position * 1003,
            "Keys": dict(list(image.items())[:2]),
            **dict.fromkeys(images, image),
            "SizeBytes": 300,
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    }


def removal(image: Image, position: int) -> dict[str, Any]:
    """Return the change record of a TTL removal of an item."""
    return _change(Random(position), lambda *_: image, True, position)


def _keys(random: Random, position: int) -> Image:
    return {
        "deviceID": _s(f"dev-{random.randrange(10**6):06d}"),
        "readingTime": _s(
            f"2026-01-01T{position // 3600 % 24:02d}:{position // 60 % 60:02d}:{position % 60:02d}Z"
        ),
    }


def _iot300(random: Random, position: int) -> Image:
    return _keys(random, position) | {
        "temp": _n(f"{random.uniform(-20, 45):.1f}"),
        "humidity": _n(random.randrange(101)),
        "battery": _n(f"{random.uniform(2.8, 4.2):.2f}"),
        "rssi": _n(-random.randrange(30, 110)),
        "fw": _s(f"1.{random.randrange(20)}.{random.randrange(9)}"),
        "online": {"BOOL": random.random() < 0.9},
        "site": _s(random.choice(_WORDS)),
        "seq": _n(random.randrange(10**7)),
        "expiredAt": _n(1_767_000_000 + position),
    }


def _iot1k(random: Random, position: int) -> Image:
    channels = {f"ch{channel:02d}": _n(f"{random.uniform(-500, 500):.3f}") for channel in range(12)}
    flags = {f"flag{flag}": {"BOOL": random.random() < 0.5} for flag in range(4)}
    return (
        _iot300(random, position)
        | channels
        | flags
        | {
            "exact": _n(f"1.{random.randrange(10**36, 10**37)}"),
            "place": _s(random.choice(_NON_ASCII)),
            "note": _s(f'{_text(random, 150)} "{random.choice(_WORDS)}"\n\\{random.choice(_WORDS)}'),
        }
    )


def _iot10k(random: Random, position: int) -> Image:
    samples = [_n(f"{random.uniform(-50, 50):.2f}") for _ in range(200)]
    return _iot300(random, position) | {
        "samples": {"L": samples},
        "waveform": _b(random, 1630),
        "report": _s(_text(random, 3600)),
    }


def _nested(random: Random, position: int) -> Image:
    return _keys(random, position) | {
        "S": _s(random.choice(_NON_ASCII)),
        "N": _n(random.randrange(10**9)),
        "parts": {"L": [{"M": _part(random)} for _ in range(8)]},
        "owner": {"M": {"name": _s(_text(random, 20)), "address": {"M": _address(random)}}},
        "tags": {"SS": random.sample(_WORDS, 5)},
        "limits": {"NS": [f"{limit}.50" for limit in random.sample(range(1000), 4)]},
        "digests": {"BS": [_b(random, 16)["B"] for _ in range(2)]},
        "nothing": {"NULL": True},
        "empty_map": {"M": {}},
        "empty_list": {"L": []},
        "empty_text": _s(""),
        "expiredAt": _n(1_767_000_000 + position),
    }


def _mixed(random: Random, position: int) -> Image:
    kind = random.choice(_WORDS[:6])
    texts = {f"{kind}Text{n}": _s(random.choice(_WORDS)) for n in range(5)}
    return (
        _keys(random, position) | texts | {f"{kind}Count{n}": _n(random.randrange(10**6)) for n in range(5)}
    )


def _part(random: Random) -> Image:
    return {
        "sku": _s(f"P-{random.randrange(10**5):05d}"),
        "count": _n(random.randrange(500)),
        "price": _n(f"{random.uniform(1, 900):.2f}"),
        "dims": {"L": [_n(random.randrange(99)) for _ in range(3)]},
        "ok": {"BOOL": random.random() < 0.5},
    }


def _address(random: Random) -> Image:
    return {
        "street": _s(_text(random, 24)),
        "city": _s(random.choice(_NON_ASCII)),
        "geo": {
            "M": {"lat": _n(f"{random.uniform(-90, 90):.6f}"), "lon": _n(f"{random.uniform(-180, 180):.6f}")}
        },
    }


def _s(text: str) -> dict[str, str]:
    return {"S": text}


def _n(value: object) -> dict[str, str]:
    return {"N": str(value)}


def _b(random: Random, size: int) -> dict[str, str]:
    """Binary as the Kinesis feed carries it: base64 of base64."""
    return {"B": b64encode(b64encode(random.randbytes(size))).decode()}


def _text(random: Random, length: int) -> str:
    return " ".join(random.choices(_WORDS, k=length // 6))


KINDS: dict[str, Make] = {
    "iot300": _iot300,
    "iot1k": _iot1k,
    "iot10k": _iot10k,
    "nested": _nested,
    "mixed": _mixed,
}
