"""Hypothesis: attribute values, images, change records, and the many JSON texts of one value.

An image here is DynamoDB JSON as the API has it: binary is base64 once. `twice` returns the Kinesis form.
"""

import base64
import json
import math
from random import Random
from typing import Any

from hypothesis import strategies as st

Json = Any
DYNAMODB = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

# Characters that JSON, CSV, SerDes and line readers each treat in their own way.
AWKWARD = (
    "\\\"',\n\r\t\x00\x08\x0b\x0c\x1c\x1f\x7f\x85\xa0é下\u2028\u2029\ufeff\ufffd\U0001f600/{}[]: u0042BSN"
)
characters = st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=["Cs"]))
texts = st.text(characters, max_size=12)
awkward_texts = st.one_of(
    texts,
    st.sampled_from(
        [
            '{"S":"x"}', '"eventName":"REMOVE"', "dynamodb.amazonaws.com", '\\"', "\\", "\\\\", "\\n", "a\\",
            '"', '""', ",", " ", "  x ", "null", "true", "1e5", "TTL", '"userIdentity":null', "\\u0042",
            '{"type":"Service","principalId":"dynamodb.amazonaws.com"}', "]}}", "\r\n", "=1+1", "QQ==",
        ]
    ),
)  # fmt: skip


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """The text of a DynamoDB number: 38 digits, 1E-130 to 9.99E+125 either side of 0."""
    digits = draw(st.one_of(st.integers(0, 9), st.integers(0, 10**38 - 1)))
    sign = draw(st.sampled_from(["", "-"]))
    text = str(digits)
    point = draw(st.integers(0, len(text)))
    if point < len(text):
        text = f"{text[:point] or '0'}.{text[point:]}"
    exponent = draw(st.sampled_from(["", "", "E+3", "E-7", "e5", "E87", "E-92", "E+0"]))
    return sign + text + exponent


base64_texts = st.binary(max_size=12).map(lambda data: base64.b64encode(data).decode())
scalars = st.one_of(
    awkward_texts.map(lambda text: {"S": text}),
    numbers().map(lambda text: {"N": text}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    base64_texts.map(lambda text: {"B": text}),
    st.lists(awkward_texts, min_size=1, max_size=3, unique=True).map(lambda some: {"SS": some}),
    st.lists(numbers(), min_size=1, max_size=3, unique=True).map(lambda some: {"NS": some}),
    st.lists(base64_texts, min_size=1, max_size=3, unique=True).map(lambda some: {"BS": some}),
)
names = st.one_of(
    st.sampled_from(["S", "N", "B", "M", "L", "BS", "NULL", "eventName", "REMOVE", "OldImage", "a.b", "\\u"]),
    st.text(characters, min_size=1, max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda some: {"L": some}),
        st.dictionaries(names, inner, max_size=3).map(lambda some: {"M": some}),
    ),
    max_leaves=6,
)


def _keeps_its_name(name: str) -> bool:
    return not name.lower().startswith("ddb_") and name.lower() != "dt"


# Two names that differ only in case cannot be columns of one row: that is another test.
images = st.lists(
    st.tuples(names.filter(_keeps_its_name), values), max_size=6, unique_by=lambda pair: pair[0].lower()
).map(dict)


def twice(value: Json) -> Json:
    """Return an image as the Kinesis feed has it: every binary value is base64-encoded a second time."""

    def again(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def walk(attribute: dict[str, Any]) -> dict[str, Any]:
        ((kind, content),) = attribute.items()
        if kind == "B":
            return {kind: again(content)}
        if kind == "BS":
            return {kind: [again(text) for text in content]}
        if kind == "M":
            return {kind: {name: walk(inner) for name, inner in content.items()}}
        if kind == "L":
            return {kind: [walk(inner) for inner in content]}
        return attribute

    return {name: walk(attribute) for name, attribute in value.items()}


times_us = st.integers(1_600_000_000_000_000, 1_900_000_000_000_000)
identities = st.sampled_from(
    [
        None,
        {},
        DYNAMODB,
        {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
        {"principalId": "dynamodb.amazonaws.com", "type": "Service", "extra": [1, {"x": None}]},
        {"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"},
        {"type": "User", "principalId": "dynamodb.amazonaws.com"},
        {"type": None, "principalId": None},
    ]
)


def _ttl_values(now_s: int) -> st.SearchStrategy[dict[str, Any]]:
    """Values of a TTL attribute: expired or not, expired more than five years ago, or not a time."""
    ages = st.sampled_from([0, 1, 0.5, -1, 86_400, 5 * 365 * 86_400, 5 * 365 * 86_400 + 1, -10_000])
    return st.one_of(ages.map(lambda age: {"N": str(now_s - age)}), scalars)


@st.composite
def changes(draw: st.DrawFn, feed: str = "kinesis") -> dict[str, Any]:
    """A change record of the table `devices`, as one of the two feeds has it."""
    kind = draw(st.sampled_from(["REMOVE", "REMOVE", "MODIFY", "INSERT"]))
    encode = twice if feed == "kinesis" else dict
    us = draw(times_us)
    part: dict[str, Any] = {"Keys": {"id": {"S": draw(texts)}}, "SizeBytes": 1}
    ttl = draw(st.one_of(st.none(), _ttl_values(us // 1_000_000)))
    for name in {"INSERT": ["NewImage"], "REMOVE": ["OldImage"], "MODIFY": ["NewImage", "OldImage"]}[kind]:
        part[name] = encode(draw(images)) | ({"ttl": ttl} if ttl else {})
    record = {"eventID": draw(texts), "eventName": kind, "userIdentity": draw(identities), "dynamodb": part}
    if feed == "streams":
        part |= {"ApproximateCreationDateTime": us // 1_000_000, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/devices/stream/2026-01-01T00:00:00.000"
        return record | {"eventSourceARN": arn, "eventVersion": "1.1", "eventSource": "aws:dynamodb"}
    if draw(st.booleans()):
        part |= {"ApproximateCreationDateTime": us, "ApproximateCreationDateTimePrecision": "MICROSECOND"}
    else:
        part["ApproximateCreationDateTime"] = us // 1000
    return record | {"tableName": "devices", "recordFormat": "application/json", "awsRegion": "eu-west-1"}


seeds = st.integers(0, 2**32 - 1).map(Random)


def written(value: Json, random: Random) -> str:
    """Return one of the JSON texts of a value: with keys in any order, any white space, any escapes."""
    space = _space(random)
    if isinstance(value, dict):
        pairs = list(value.items())
        random.shuffle(pairs)
        inner = [
            space() + _string(name, random) + space() + ":" + space() + written(each, random) + space()
            for name, each in pairs
        ]
        return "{" + (",".join(inner) or space()) + "}"
    if isinstance(value, list):
        return "[" + (",".join(space() + written(each, random) + space() for each in value) or space()) + "]"
    return _string(value, random) if isinstance(value, str) else json.dumps(value)


def _space(random: Random) -> Any:
    often = random.choice([0.0, 0.0, 0.1, 0.5])
    return lambda: random.choice([" ", "\n", "\t", "\r\n  "]) if random.random() < often else ""


_SHORT = {sign: "\\" + short for sign, short in zip('"\\/\n\r\t\b\f', '"\\/nrtbf', strict=True)}


def _string(text: str, random: Random) -> str:
    often = random.choice([0.0, 0.0, 0.2, 1.0])
    return '"' + "".join(_character(c, random, random.random() < often) for c in text) + '"'


def _character(character: str, random: Random, escape: bool) -> str:
    if escape or character < " " or character in '"\\':
        if character in _SHORT and random.random() < 0.5:
            return _SHORT[character]
        units = character.encode("utf-16-be")
        form = random.choice(["\\u%04x", "\\u%04X"])
        return "".join(form % int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
    return character


_JUNK = [
    b"\xff",
    b"\xed\xa0\x80",
    b"\x00",
    b'"',
    b"\\",
    b"{",
    b"}",
    b",",
    b"\n",
    b"\\ud800",
    b"0",
    b"null",
    b"x",
]
_OTHERS = [None, True, 0, 1.5, -1, "", "x", [], {}, [[]], {"S": "x"}, {"x": 1}, "NaN"]


def damaged(data: bytes, random: Random) -> bytes:
    """Return damaged data: truncated, or with bytes flipped, inserted, deleted or doubled."""
    for _ in range(1 + math.floor(random.expovariate(2))):
        if not data:
            return data
        at = random.randrange(len(data))
        until = min(len(data), at + random.choice([1, 1, 2, 8, 40]))
        junk = random.choice(_JUNK)
        data = random.choice(
            [
                data[:at],
                data[at:],
                data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :],
                data[:at] + junk + data[at:],
                data[:at] + junk + data[until:],
                data[:at] + data[until:],
                data[:until] + data[at:],
            ]
        )
    return data


def disfigured(record: Json, random: Random) -> Json:
    """Return the record with one of its fields, at any depth, missing or of another JSON type."""
    copy = json.loads(json.dumps(record))
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        for key in (
            list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        ):
            places.append((node, key))
            visit(node[key])

    visit(copy)
    node, key = random.choice(places)
    if random.random() < 0.3:
        del node[key]
    else:
        node[key] = random.choice(
            [None, True, 0, 1.5, -1, "", "x", [], {}, [[]], {"S": "x"}, {"x": 1}, "NaN"]
        )
    return copy
