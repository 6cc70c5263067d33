"""The records that failed, the settings they are replayed with, and what the transform says of each.

Every record has its own mark, which is in its rows and in its error line, so that a copy is found anywhere.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.replay.discarded import discarded_batch
from tests.replay.samples import change, error_line
from ttl_archive.replay.verdict import Judge, judge
from ttl_archive.transform.convert import Drop, Row, converter
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.settings import Settings, parse

TABLE = "DeviceData"
PREFIX = f"errors/{TABLE}/"
KEYS = tuple(f"{PREFIX}processing-failed/dt=2026-11-20/object-{letter}" for letter in "abc")


def _settings(**output: Any) -> Settings:
    table = {"name": TABLE, "ttl_attribute": "expiredAt"}
    return parse({"table": table} | output)


@dataclass(frozen=True)
class Version:
    """A transform that operators replay with: its settings, and the fingerprint that claims carry."""

    fingerprint: str
    settings: Settings

    @property
    def judge(self) -> Judge:
        """Return the verdict of replay on an error line."""
        return _judge(self)


VERSIONS = (
    Version("aaaaaaaaaaaa", _settings()),
    Version("bbbbbbbbbbbb", _settings(select={"changes": "all"})),
    Version("cccccccccccc", _settings(output={"nested": "flatten"})),
    Version("dddddddddddd", _settings(output={"date_column": "day"})),
    Version(
        "eeeeeeeeeeee",
        _settings(output={"format": "csv"}, columns=[{"name": "device_id", "path": "deviceID"}]),
    ),
)
# Of two attributes for one column, `nested = "flatten"` makes a collision.
_COLLISION = {"a_b": {"S": "1"}, "a": {"M": {"b": {"S": "2"}}}}


@dataclass(frozen=True)
class Source:
    """A record that failed: its mark, its bytes, and its error line."""

    mark: str
    data: bytes
    line: bytes

    @property
    def is_poison(self) -> bool:
        """Whether it is no JSON, which no event of a stream can hold."""
        return self.data.startswith(b"poison")


@dataclass(frozen=True)
class Expected:
    """What a transform makes of a record: a row with its date, a dropping rule, or a refusal's code."""

    row: bytes = b""
    date: str = ""
    rule: str = ""
    code: str = ""


def _source(mark: str, data: bytes) -> Source:
    return Source(mark, data, error_line(data, lambdaARN=None, attemptEndingTimestamp=None))


# Rows of three dates under each version, then a row under some of them, then none.
SOURCES = (
    *(_source(f"e{n}", change(n, day=n % 3)) for n in range(8)),
    *(_source(f"e{n}", change(n, name="INSERT")) for n in range(8, 11)),
    *(_source(f"e{n}", change(n, **_COLLISION)) for n in range(11, 14)),
    *(_source(f"poison-{n}", b"poison-%d" % n) for n in range(2)),
    _source("e16", change(16, table="Other")),
)
BY_DATA = {each.data: each for each in SOURCES}
BY_RECORD = {json.dumps(json.loads(each.data)): each for each in SOURCES if not each.is_poison}
BY_RAW = {base64.b64encode(each.data).decode(): each for each in SOURCES}


@cache
def expected(version: Version, source: Source) -> Expected:
    """Return what the transform itself makes of the record; replay has no part in it."""
    try:
        verdict = _convert(version)(source.data)
    except RecordError as error:
        return Expected(code=error.code)
    if isinstance(verdict, Drop):
        return Expected(rule=verdict.rule)
    assert isinstance(verdict, Row)
    return Expected(verdict.line, verdict.date)


@cache
def row_marks() -> dict[bytes, tuple[str, frozenset[str]]]:
    """Return for each possible row its record's mark and the fingerprints that make it."""
    found: dict[bytes, tuple[str, frozenset[str]]] = {}
    for version in VERSIONS:
        for source in SOURCES:
            if row := expected(version, source).row:
                _, makers = found.get(row, ("", frozenset()))
                found[row] = (source.mark, makers | {version.fingerprint})
    return found


def object_body(sources: tuple[Source, ...]) -> bytes:
    """Return the bytes of an error object with these records.

    About half of the objects, as their content decides, are a batch that Lambda discarded.
    """
    if any(each.is_poison for each in sources) or sum(sources[0].data) % 2:
        return b"".join(each.line + b"\n" for each in sources)
    payload = json.dumps({"Records": [json.loads(each.data) for each in sources]})
    return discarded_batch([], payload=payload)


def sources_in(body: bytes) -> list[Source]:
    """Return the records that an error object's lines, or its batch, hold."""
    first = json.loads(body.splitlines()[0])
    if "payload" in first:
        return [BY_RECORD[json.dumps(record)] for record in json.loads(first["payload"])["Records"]]
    return [BY_RAW[json.loads(line)["rawData"]] for line in body.splitlines()]


@cache
def _judge(version: Version) -> Judge:
    return judge(version.settings)


@cache
def _convert(version: Version) -> Any:
    return converter(version.settings)
