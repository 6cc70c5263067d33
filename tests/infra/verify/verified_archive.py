"""What the tests of `ttl-archive verify` share: the days of their archive, and what the command prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from click.testing import Result

from ttl_archive.infra.local import Pipeline

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = """
[table]
name = "readings"
ttl_attribute = "ttl"
keys = ["pk"]
"""
DAYS = ["--since", "2026-03-01", "--until", "2026-03-04"]


def expire(pipeline: Pipeline, *names: str, **attributes: Any) -> None:
    ttl = str(int(pipeline.clock.now().timestamp()))
    for name in names:
        item = {"pk": {"S": name}, "ttl": {"N": ttl}, **attributes}
        pipeline.dynamodb.put_item(TableName=pipeline.table, Item=item)
    pipeline.sweep()
    pipeline.flush()


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def by_day(result: Result) -> dict[str, Any]:
    return {day["day"]: day for day in document(result)["days"]}


def key_of(objects: dict[str, bytes], day: str) -> str:
    (key,) = (key for key in objects if f"dt={day}/" in key)
    return key
