"""The inputs of the golden corpus of verdicts: records and error objects of all kinds, and settings."""

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.strategies import damaged, disfigured, written
from tests.transform.builders import EVENT_US, ITEM, change, encoded, settings
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

EVENTS = Path(__file__).parents[1] / "events"

_COLUMNS = {"device": "deviceID", "s": "S", "n": "N", "city": "place.city"}
CONFIGURATIONS: dict[str, Settings] = {
    "jsonl": settings(),
    "jsonl without image": settings(image=False, columns={"device": "deviceID", "n": "N"}),
    "nested columns": settings(columns=_COLUMNS),
    "flatten": settings(nested="flatten", columns=_COLUMNS, image=False),
    "csv": settings(format="csv", columns=_COLUMNS),
    "csv with image": settings(format="csv", image=True, columns={"device": "deviceID", "n": "N"}),
    "csv flatten": settings(format="csv", nested="flatten", columns={"device": "deviceID"}),
    "envelope": settings(row="envelope", changes="all"),
    "removals": settings(changes="removals", image=False),
    "all": settings(changes="all", partition_by="event", image=False),
    "all but TTL": settings(changes="all-but-ttl-removals", image=False),
    "replica": settings(infer_replica_ttl=True, image=False),
    "date column": settings(date_column="tags", image=False),
    "another table": parse(
        {
            "table": {"name": "other", "ttl_attribute": "expires"},
            "output": {"image": False},
            "select": {"infer_replica_ttl": True},
        }
    ),
}


_NOW_S = EVENT_US // 1_000_000
_STREAMS = {"ApproximateCreationDateTime": _NOW_S, "ApproximateCreationDateTimePrecision": None}
_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/devices/stream/2026-01-01T00:00:00.000"
_TEXTS = [
    "",
    " ",
    "a,b",
    'say "x"',
    "back\\slash",
    "a\\",
    "line\nbreak",
    "\r\n",
    "\t\x00\x1f\x7f",
    "é下😀\u2028",
    "null",
]
_NUMBERS = [
    "0", "7", "-7", "999", "1000", "1.50", "-0.0", "1E3", "1.5e-7", "12345678901234567890123456789012345678",
    "9.9E+125", "1E-130", "1E400", "", " 1", "1 ", "1_0", "01", ".5", "+1", "NaN", "Infinity", "1,2", "true",
    "٣",
]  # fmt: skip
_IMAGES: dict[str, dict[str, Any]] = (
    {
        "every type": ITEM
        | {"ns": {"NS": ["2.50", "1"]}, "bs": {"BS": ["ZUE9PQ==", "WlE9PQ=="]}, "l": {"L": []}},
        "empty values": {
            "s": {"S": ""},
            "b": {"B": ""},
            "m": {"M": {}},
            "l": {"L": []},
            "m2": {"M": {"a": {"M": {}}}},
        },
        "no attribute": {},
        "nested": {
            "place": {"M": {"city": {"S": "Oslo"}, "geo": {"M": {"lat": {"N": "1.0"}}}}},
            "l": {
                "L": [
                    {"M": {"S": {"S": "x"}, "N": {"L": [{"NULL": True}, {"BOOL": False}, {"SS": ["a"]}]}}},
                    {"N": "2"},
                ]
            },
        },
        "binary once": {"b": {"B": "aGk="}, "bs": {"BS": ["aGk="]}, "l": {"L": [{"B": "aGk="}]}},
        "binary twice": {"b": {"B": "YUdrPQ=="}, "m": {"M": {"bs": {"BS": ["YUdrPQ=="]}}}},
        "attributes named like types": {
            "S": {"S": "x"},
            "N": {"N": "1"},
            "B": {"S": '"B"'},
            "BS": {"M": {"B": {"S": ""}}},
        },
        "odd names": {name: {"S": name} for name in ("a.b", '"', "\\", "\n", "é", "f0", "A B", "😀")},
        "names that differ in case": {"a": {"S": "1"}, "A": {"S": "2"}},
        "a column's name": {"device": {"S": "x"}, "deviceID": {"S": "d"}},
        "a metadata name": {"ddb_table": {"S": "x"}},
        "the image's name": {"DDB_IMAGE": {"S": "x"}},
        "the date's name": {"dt": {"S": "x"}},
        "names that meet when flattened": {"place_city": {"S": "x"}, "place": {"M": {"city": {"S": "y"}}}},
        "a bad number, then bad binary": {"a": {"N": "x"}, "b": {"B": "!"}},
        "a bad number, then a bad value": {"a": {"M": {"n": {"N": "x"}}}, "b": {"X": "x"}},
        "a bad number, then another bad number": {"a": {"NS": ["x"]}, "b": {"N": 1}},
        "numbers in lists": {
            "a": {"L": [{"N": n} for n in ("1", "2.50", "-3E4")]},
            "b": {"L": [{"N": "1"}, {"S": "x"}]},
        },
    }
    | {f"text {text!a}": {"s": {"S": text}, "set": {"SS": [text, "z"]}} for text in _TEXTS}
    | {f"number {text!a}": {"N": {"N": text}} for text in _NUMBERS}
    | {
        f"number {text!a} in a list and a set": {"l": {"L": [{"N": text}]}, "s": {"NS": [text]}}
        for text in _NUMBERS
    }
)
_VALUES: list[Any] = [
    {}, {"S": "x", "N": "1"}, {"N": 1}, {"S": None}, {"S": 1}, {"BOOL": "true"}, {"NULL": False}, {"NULL": 1},
    {"X": "x"}, {"M": {"a": {}}}, {"M": []}, {"L": {}}, {"L": [{}]}, {"L": [1]}, {"SS": "a"}, {"SS": [1]},
    {"NS": [1]}, {"NS": ["x"]}, {"B": "!"}, {"B": 1}, {"BS": "QQ=="}, {"BS": ["!"]}, "text", None, [], 1,
]  # fmt: skip
_TTL_VALUES: list[Any] = [
    {"N": str(_NOW_S - age)} for age in (-1, 0, 1, 5 * 365 * 86_400, 5 * 365 * 86_400 + 1)
] + [{"N": f"{_NOW_S}.5"}, {"N": f"{_NOW_S}000"}, {"N": "x"}, {"S": str(_NOW_S)}, {"N": "1", "S": "1"}, {}]
_CHANGES: dict[str, dict[str, Any]] = {
    "no table name": {"tableName": None},
    "another table": {"tableName": "other"},
    "a table only in the ARN": {"tableName": None, "eventSourceARN": _ARN},
    "another table in the ARN": {"tableName": None, "eventSourceARN": _ARN.replace("devices", "other")},
    "DynamoDB Streams": {
        "dynamodb": _STREAMS,
        "userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
    },
    "another service": {
        "userIdentity": {"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"}
    },
    "a user of that name": {"userIdentity": {"type": "User", "principalId": "dynamodb.amazonaws.com"}},
    "an empty identity": {"userIdentity": {}},
    "an identity that is text": {"userIdentity": "dynamodb.amazonaws.com"},
    "an unknown event name": {"eventName": "EXPIRE"},
    "no event id": {"eventID": None},
    "unknown fields": {"more": [{"x": 1e400}]},
    "milliseconds": {
        "dynamodb": {
            "ApproximateCreationDateTime": EVENT_US // 1000,
            "ApproximateCreationDateTimePrecision": "MILLISECOND",
        }
    },
    "milliseconds, no precision": {
        "dynamodb": {
            "ApproximateCreationDateTime": EVENT_US // 1000,
            "ApproximateCreationDateTimePrecision": None,
        }
    },
    "a precision that is wrong": {"dynamodb": {"ApproximateCreationDateTimePrecision": "MILLISECOND"}},
    "seconds with a fraction": {"dynamodb": {**_STREAMS, "ApproximateCreationDateTime": _NOW_S + 0.25}},
    "no time": {"dynamodb": {"ApproximateCreationDateTime": 0}},
    "a time that is text": {"dynamodb": {"ApproximateCreationDateTime": str(EVENT_US)}},
    "no old image": {"dynamodb": {"OldImage": None}},
    "an image that is a list": {"dynamodb": {"OldImage": []}},
    "an image that is text": {"dynamodb": {"OldImage": "x"}},
    "keys that are null": {"dynamodb": {"Keys": None}},
    "both images": {"dynamodb": {"NewImage": {"id": {"S": "new"}}}},
}


def records() -> Iterator[tuple[str, bytes]]:
    """Names and data of the records, each of which goes into an error line of its own."""
    for path in sorted(EVENTS.glob("*.json")):
        yield path.name, path.read_bytes()
    for kind in ("ttl", "user", "insert", "modify"):
        for name, image in _IMAGES.items() if kind == "ttl" else list(_IMAGES.items())[:3]:
            yield f"{kind}: {name}", encoded(change(image, kind))
        for name, fields in _CHANGES.items():
            yield f"{kind}: {name}", encoded(change(None, kind, **json.loads(json.dumps(fields))))
        for value in _VALUES if kind in ("ttl", "modify") else ():
            yield f"{kind}: value {value}", encoded(change({"id": {"S": "a"}, "v": value}, kind))
    for value in _TTL_VALUES:
        yield f"user: ttl {value}", encoded(change({"id": {"S": "a"}, "ttl": value}, "user"))
        yield f"user: expires {value}", encoded(change({"expires": value}, "user", tableName="other"))
    yield from _writings()


def _writings() -> Iterator[tuple[str, bytes]]:
    """The same records written in unusual ways, damaged, and no records at all."""
    whole = encoded(change(ITEM))
    image = encoded(ITEM)
    yield from {
        "nothing": b"",
        "null": b"null",
        "a list": b"[]",
        "no object": b"{",
        "an empty object": b"{}",
        "text": b"x",
        "two records": whole + whole,
        "a newline after it": whole + b"\n",
        "a byte order mark": b"\xef\xbb\xbf" + whole,
        "UTF-16": whole.decode().encode("utf-16"),
        "gzip": _gzip(whole),
        "no UTF-8": whole.replace(b"Oslo", b"\xff"),
        "an encoded surrogate": whole.replace(b"Oslo", b"\xed\xa0\x80"),
        "half a surrogate pair": whole.replace(b"Oslo", b"\\ud800"),
        "a raw control": whole.replace(b"Oslo", b"\x01"),
        "599 levels": whole.replace(b'{"S":"Oslo"}', b'{"L":[' * 297 + b"]}" * 297),
        "601 levels": whole.replace(b'{"S":"Oslo"}', b'{"L":[' * 298 + b"]}" * 298),
        "700 levels, dropped": encoded(change({"id": {"S": "DEEP"}}, "insert")).replace(
            b'{"S":"DEEP"}', b'{"L":[' * 350 + b"]}" * 350
        ),
        "a duplicate attribute": whole.replace(image, b'{"a":{"S":"1"},"a":{"N":"2"}}'),
        "a duplicate attribute, first damaged": whole.replace(image, b'{"a":1e999,"a":{"N":"2"}}'),
        "a duplicate type": whole.replace(image, b'{"a":{"S":"1","S":"2"}}'),
        "a duplicate image": whole.replace(b'"Keys"', b'"OldImage":{"x":{"S":"y"}},"Keys"'),
        "a row of JSONL": _row("jsonl", whole),
        "a row of CSV": _row("csv", whole),
    }.items()
    random = Random(1)
    for number in range(40):
        kind = random.choice(["ttl", "ttl", "user", "insert", "modify"])
        record = change(ITEM, kind)
        yield f"{kind}: written {number}", (text := written(record, random).encode())
        yield f"{kind}: damaged {number}", damaged(text, random)
        yield f"{kind}: a field changed {number}", encoded(disfigured(record, random))


def _gzip(data: bytes) -> bytes:
    """Return a gzip member whose bytes do not depend on the version of zlib: the data is stored."""
    size, check = len(data).to_bytes(4, "little"), zlib.crc32(data).to_bytes(4, "little")
    stored = b"\x01" + size[:2] + bytes(255 - byte for byte in size[:2]) + data
    return bytes.fromhex("1f8b08000000000000ff") + stored + check + size


def _row(configuration: str, data: bytes) -> bytes:
    row = converter(CONFIGURATIONS[configuration])(data)
    assert isinstance(row, Row)
    return row.line


def error_line(data: bytes, **fields: Any) -> bytes:
    line = {"attemptsMade": 4, "arrivalTimestamp": 1_763_706_413_000, "errorCode": "Lambda.FunctionError",
            "errorMessage": "x", "rawData": b64encode(data).decode()} | fields  # fmt: skip
    return json.dumps(line).encode()


def layouts() -> Iterator[tuple[str, bytes]]:
    """Error objects in every layout, with lines that cannot be read."""
    one, two = (error_line(encoded(change({"id": {"S": name}}))) for name in "ab")
    raw = b64encode(encoded(change())).decode()
    for name, data in {
        "lines": one + b"\n" + two + b"\n",
        "no last newline": one + b"\n" + two,
        "CRLF": one + b"\r\n" + two + b"\r\n",
        "empty lines": b"\n\n" + one + b"\n\n",
        "glued": one + two,
        "glued with spaces": one + b"  " + two,
        "gzip": _gzip(one + b"\n" + two),
        "two gzip members": _gzip(one) + _gzip(b"\n" + two),
        "truncated gzip": _gzip(one + b"\n" + two)[:-20],
        "truncated line": one + b"\n" + two[:-9],
        "a damaged line": one + b"\nxx\n" + two,
        "damage, glued": b"xx" + one + two,
        "too deep": one[:-1] + b',"x":' + b"[" * 700 + b"]" * 700 + b"}" + b"\n" + two,
        "a byte order mark": b"\xef\xbb\xbf" + one,
        "an array": b"[" + one + b"," + two + b"]",
        "nothing": b"",
        "only spaces": b" \n ",
        "no UTF-8 in a field": one.replace(b'"x"', b'"\xff"'),
        "no raw data": error_line(b"").replace(b"rawData", b"other"),
        "raw data null": b'{"rawData":null}',
        "empty raw data": b'{"rawData":""}',
        "raw data is no base64": b'{"rawData":"!"}',
        "raw data without padding": b'{"rawData":"' + raw.rstrip("=").encode() + b'"}',
        "raw data is a number": b'{"rawData":1}',
        "raw data is a list": b'{"rawData":[]}',
        "upper-case fields": b'{"ErrorCode":"C","ErrorMessage":"m","rawData":"' + raw.encode() + b'"}',
        "other fields": b'{"lastErrorCode":"L","attemptsMade":"2","rawData":"'
        + raw.encode()
        + b'","x":[{}]}',
        "duplicate raw data": b'{"rawData":"QQ==","rawData":"' + raw.encode() + b'"}',
    }.items():
        yield f"object: {name}", data
    streams = {"ApproximateCreationDateTime": float(_NOW_S), "ApproximateCreationDateTimePrecision": None}
    batch = {"Records": [change({"id": {"S": "a"}}, dynamodb=streams), {"eventName": "REMOVE"}]}
    for name, payload in {"object": batch, "text": json.dumps(batch), "missing": None}.items():
        document = {"requestContext": {}, "DDBStreamBatchInfo": {}, "payload": payload}
        yield f"discarded batch: {name}", json.dumps(document).encode()
