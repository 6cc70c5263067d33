"""What makes a restore another one, and what does not."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.replay.restore.archives import settings_with
from tests.replay.samples import SETTINGS
from ttl_archive.replay.restore.destination_table import DestinationTable, TtlChoice
from ttl_archive.replay.restore.restore_request import (
    GivenSelection,
    GivenTime,
    RestoreOptions,
    RestoreRequest,
    stage_path,
)
from ttl_archive.transform.settings import Settings

TIME = datetime(2025, 11, 20, tzinfo=UTC)
AGO = GivenTime("7d", TIME, timedelta(days=7))


def client(endpoint: str = "https://aws", region: str = "us-east-1") -> Any:
    return SimpleNamespace(meta=SimpleNamespace(endpoint_url=endpoint, region_name=region))


@dataclass
class Place:
    """The parts of a place that a request asks for."""

    bucket: str = "bucket"
    given_prefix: str | None = None
    settings: Settings = SETTINGS
    s3: Any = field(default_factory=client)


OPTIONS = RestoreOptions(
    out=None,
    to_table="T",
    format="jsonl",
    guard_formulas=False,
    dry_run=False,
    inexact=False,
    tier="Bulk",
    days=1,
    wait=True,
    poll_s=1,
    rate=None,
    yes=True,
    work=Path("work"),
    concurrency=1,
    as_json=False,
)
TABLE = DestinationTable(
    client(), "T", "arn:aws:dynamodb:us-east-1:1:table/T", "id1", ("k",), "expiredAt", 1, "on-demand"
)
REQUEST = RestoreRequest(
    Place(),  # type: ignore[arg-type]
    GivenSelection(since=AGO),
    OPTIONS,
    "123456789012",
    TABLE,
    TtlChoice("remove"),
)


def path(request: RestoreRequest) -> Path:
    return stage_path(Path("work"), request.identity())


@pytest.mark.parametrize(
    "change",
    [
        {"place": Place(bucket="other")},
        {"place": Place(given_prefix="archive/Other/")},
        {"place": Place(s3=client(endpoint="http://localhost:5000"))},
        {"place": Place(s3=client(region="eu-west-1"))},
        {"place": Place(settings=settings_with(image=False))},
        {"selection": GivenSelection(since=GivenTime("8d", TIME, timedelta(days=8)))},
        {"selection": GivenSelection(since=GivenTime("2025-11-20", TIME))},
        {"selection": GivenSelection(until=AGO)},
        {"selection": GivenSelection(since=AGO, keys=(("a", "b"),))},
        {"selection": GivenSelection(since=AGO, where="a = 1")},
        {"selection": GivenSelection(since=AGO, late_days=2)},
        {"options": replace(OPTIONS, to_table=None, out=Path("x"))},
        {"table": replace(TABLE, arn="arn:aws:dynamodb:eu-west-1:1:table/T")},
        {"table": replace(TABLE, arn="arn:aws:dynamodb:us-east-1:2:table/T")},
        {"table": replace(TABLE, identity="id2")},
        {"account": "210987654321"},
        {"table": replace(TABLE, dynamodb=client(endpoint="http://localhost:5000"))},
        {"ttl": TtlChoice("+90d", 90)},
    ],
    ids=str,
)
def test_each_of_these_makes_it_another_restore(change: dict[str, Any]) -> None:
    assert path(replace(REQUEST, **change)) != path(REQUEST)


@pytest.mark.parametrize(
    "change",
    [
        {"selection": GivenSelection(since=GivenTime("7d", TIME + timedelta(1), timedelta(days=7)))},
        {"place": Place(settings=replace(SETTINGS, file="/elsewhere/archive.toml"))},
        {"options": replace(OPTIONS, dry_run=True, yes=False, concurrency=9, rate=5, tier="Standard")},
        {"table": replace(TABLE, write_units=9)},
    ],
    ids=str,
)
def test_none_of_these_makes_it_another_restore(change: dict[str, Any]) -> None:
    assert path(replace(REQUEST, **change)) == path(REQUEST)


def test_a_relative_time_counts_from_the_beginning_and_an_absolute_one_does_not() -> None:
    later = TIME + timedelta(days=30)

    assert GivenSelection(since=AGO).resolve(later).since == later - timedelta(days=7)
    assert GivenSelection(since=GivenTime("2025-11-20", TIME)).resolve(later).since == TIME


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"selection": GivenSelection(since=GivenTime("2025-11-20", TIME))}, False),
        ({"selection": GivenSelection(), "ttl": TtlChoice("+90d", 90)}, True),
        ({"selection": GivenSelection(until=AGO), "table": None, "ttl": None}, True),
    ],
)
def test_a_request_with_relative_times_means_something_else_later(
    change: dict[str, Any], expected: bool
) -> None:
    assert replace(REQUEST, **change).is_relative is expected
