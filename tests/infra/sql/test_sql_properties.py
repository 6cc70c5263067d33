"""Any value, in any shape of row and from both feeds, is equal in its column, or NULL and counted.

The model below says what is expected. It is written from Trino's rules (see grammar), with Python's Decimal,
int and datetime, and without an engine.
"""

import json
import re
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.infra.sql.sql_archive import FLAT, SqlArchive, settings, streams_change
from tests.strategies import awkward_texts, numbers, scalars, twice, values
from tests.transform.builders import change
from ttl_archive.infra.sql.duckdb_files import possible_readings

MISFIT = object()
TYPES = [
    "bigint",
    "decimal(38,0)",
    "decimal(38,10)",
    "decimal(5,1)",
    "double",
    "boolean",
    "timestamp",
    "string",
]
COLUMNS = [{"name": f"c{n}", "type": kind} for n, kind in enumerate([*TYPES, "json"])]
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})0*)?)?Z?)?", re.ASCII)

integers = st.integers(-(2**63) - 2, 2**63 + 2).map(str)
times = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(
    lambda t: t.isoformat(timespec="milliseconds")
)
written_times = st.tuples(times, st.sampled_from(["", "Z", "0", "+01:00", " "])).map("".join)
texts_of_types = st.one_of(
    integers, numbers(), written_times, st.sampled_from(["true", "false", "True", "NaN"])
)
any_value = st.one_of(
    scalars,
    values,
    numbers().map(lambda text: {"N": text}),
    integers.map(lambda text: {"N": text}),
    texts_of_types.map(lambda text: {"S": text}),
    awkward_texts.map(lambda text: {"S": text}),
)
rows = st.lists(
    st.fixed_dictionaries({}, optional={column["name"]: any_value for column in COLUMNS}),
    min_size=1,
    max_size=4,
)


def plain(value: dict[str, Any]) -> Any:
    """The value as a row without an image has it; numbers as Decimal."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    if kind == "NULL":
        return None
    if kind == "NS":
        return [Decimal(text) for text in content]
    if kind == "M":
        return {name: plain(inner) for name, inner in content.items()}
    return [plain(inner) for inner in content] if kind == "L" else content


def scalar_text(value: dict[str, Any], has_image: bool, kind: str) -> str | None:
    """The text that a column's cast starts from; None for what has no text of a scalar."""
    ((tag, content),) = value.items()
    if tag == "BOOL":
        return "true" if content else "false"
    if tag == "B" and has_image and kind != "string":
        return None  # the image says that it is binary
    return content if tag in ("S", "N", "B") else None


def cast(text: str, kind: str) -> Any:
    """The value of a text in a column, or MISFIT."""
    if kind == "string":
        return text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, MISFIT)
    if kind == "timestamp":
        return cast_time(text)
    if kind == "bigint":
        fits = re.fullmatch(r"-?[0-9]{1,19}", text) and -(2**63) <= int(text) < 2**63
        return int(text) if fits else MISFIT
    if not NUMBER.fullmatch(text):
        return MISFIT
    if kind == "double":
        return float(text)
    precision, scale = map(int, re.findall(r"\d+", kind))
    number = Decimal(text)
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    stripped = "".join(map(str, digits)).rstrip("0")
    needed = -(exponent + len(digits) - len(stripped)) if stripped else 0  # digits behind the point
    fits = needed <= scale and (not number or number.adjusted() < precision - scale)
    return number if fits else MISFIT


def cast_time(text: str) -> Any:
    found = TIME.fullmatch(text)
    if not found or text.startswith("0"):
        return MISFIT
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(3, "0")) * 1000)
    except ValueError:
        return MISFIT


def agrees(shown: Any, value: dict[str, Any] | None, kind: str, shape: str) -> tuple[bool, bool]:
    """Whether what is shown is right, and whether it must be counted as a misfit."""
    has_image = shape in ("jsonl", "csv with image")
    if value is None or value == {"NULL": True}:
        return shown is None, False
    text = scalar_text(value, has_image, kind)
    if kind == "json" and has_image:
        return json.loads(shown) == value, False
    if text is not None and (kind != "json" or "BOOL" not in value):
        expected = cast(text, "string" if kind == "json" else kind)
        return (shown is None, True) if expected is MISFIT else (shown == expected, False)
    if kind not in ("string", "json"):
        return shown is None, True
    if shown is None:  # only JSON lines without an image, where DuckDB cannot read every digit
        return shape == "jsonl without image", True
    parsed = json.loads(shown, parse_float=Decimal, parse_int=Decimal)
    return parsed == (value if has_image else plain(value)), False


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.sampled_from(FLAT), st.sampled_from([change, streams_change]), rows)
def test_a_value_is_equal_or_null_and_counted(shape: str, feed: Any, images: list[dict[str, Any]]) -> None:
    chosen = settings(shape, COLUMNS, "id")
    images = [image | {"id": {"S": f"key-{n}"}} for n, image in enumerate(images)]
    names = ", ".join(column["name"] for column in COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        archive = SqlArchive(Path(folder))
        for n, image in enumerate(images):
            archive.deliver(chosen, feed(twice(image) if feed is change else image, eventID=str(n)))
        answers = [
            archive.ask(chosen, f"SELECT {names} FROM {relation} ORDER BY ddb_event_id")
            for relation in ("archive", "archive_unique", "archive_latest")
        ]
        answers += [
            archive.ask(chosen, f"SELECT {names} FROM archive ORDER BY ddb_event_id", reading=reading)
            for reading in possible_readings(chosen)
        ]
        counted = archive.misfits(chosen)

    kinds = [*TYPES, "json"]
    misfits = dict.fromkeys(counted, 0)
    assert all(answer == answers[0] for answer in answers)
    for image, row in zip(images, answers[0], strict=True):
        for column, kind, shown in zip(COLUMNS, kinds, row, strict=True):
            right, is_misfit = agrees(shown, image.get(column["name"]), kind, shape)
            assert right, (kind, image.get(column["name"]), shown)
            misfits[column["name"]] += is_misfit
    assert counted == misfits


@hypothesis_settings(max_examples=20, deadline=None)
@given(st.booleans(), st.sampled_from([change, streams_change]), rows)
def test_an_envelope_has_its_images_exactly_or_null_and_counted(
    with_image: bool, feed: Any, images: list[dict[str, Any]]
) -> None:
    shape = "envelope" if with_image else "envelope without image"
    chosen = settings(shape, [])
    images = [image | {"id": {"S": f"key-{n}"}} for n, image in enumerate(images)]
    with tempfile.TemporaryDirectory() as folder:
        archive = SqlArchive(Path(folder))
        for n, image in enumerate(images):
            archive.deliver(chosen, feed(twice(image) if feed is change else image, eventID=str(n)))
        found = archive.ask(chosen, "SELECT old_image, ddb_image FROM archive_unique ORDER BY ddb_event_id")
        counted = archive.misfits(chosen)

    for image, (old, lossless) in zip(images, found, strict=True):
        assert lossless is None if not with_image else json.loads(lossless) == image
        wanted = {name: plain(value) for name, value in image.items()}
        assert old is None or json.loads(old, parse_float=Decimal, parse_int=Decimal) == wanted
    assert counted == {"keys": 0, "new_image": 0, "old_image": sum(old is None for old, _ in found)}
