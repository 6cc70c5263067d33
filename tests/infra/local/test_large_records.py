"""Items of the largest legal size, whose change records are many times larger, through the whole pipeline."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.dynamodb.change_record import size_bytes

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TTL = {"N": str(int(START.timestamp()))}
ITEM_BYTES = 409_600  # DDB: constraints, 400 KB
MOTO_ITEM_BYTES = 405_000  # moto 5.2.5 counts the bytes of a string only, and stops here


def item(pk: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"pk": {"S": pk}, "ttl": TTL, "value": value}


def full(pk: str, element: dict[str, Any]) -> dict[str, Any]:
    """The largest item whose value is a list of equal elements."""
    empty = item(pk, {"L": []})
    each = size_bytes({"v": {"L": [element]}}) - size_bytes({"v": {"L": []}})
    return item(pk, {"L": [element] * ((ITEM_BYTES - size_bytes(empty)) // each)})


GIANTS = [
    full("empty", {"S": ""}),
    full("bool", {"BOOL": True}),
    full("null", {"NULL": True}),
    full("number", {"N": "1"}),
    item("control", {"S": "\x01" * (MOTO_ITEM_BYTES - 100)}),
]


def failed_keys(pipeline: Pipeline) -> set[str]:
    """The keys of the items in the error lines, whose raw data is the whole change record."""
    lines = [json.loads(line) for body in pipeline.objects("errors/").values() for line in body.splitlines()]
    records = [json.loads(base64.b64decode(line["rawData"])) for line in lines]
    return {record["dynamodb"]["Keys"]["pk"]["S"] for record in records}


@pytest.mark.slow
@pytest.mark.timeout(600)  # half a million values take minutes on a busy machine
def test_each_giant_item_is_a_row_or_an_error_line_and_a_larger_change_is_skipped(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    column = '[[columns]]\nname = "pk"\n'
    config.write_text(f'[table]\nname = "readings"\nttl_attribute = "ttl"\n{column}')
    with Pipeline(config, clock=Clock(START), streaming=False) as pipeline:
        for giant in GIANTS:
            pipeline.dynamodb.put_item(TableName=pipeline.table, Item=giant)
        pipeline.enable_streaming()
        # Each of the two images of this change is 3.5 MiB as JSON.
        changed = {**GIANTS[0], "ttl": {"N": str(int(START.timestamp()) - 1)}}
        pipeline.dynamodb.put_item(TableName=pipeline.table, Item=changed)
        pipeline.dynamodb.put_item(TableName=pipeline.table, Item=item("behind", {"S": "small"}))
        swept = pipeline.sweep()
        pipeline.flush()
        ledger, failed = pipeline.ledger(), failed_keys(pipeline)
        rows = {pk for (pk,) in pipeline.sql("SELECT pk FROM archive").fetchall()}

    assert len(swept) == 6
    assert ledger.changes == {"too-large": 1, "inserted": 1, "expired": 6}
    assert ledger.replicated == ledger.firehose.received == 7
    assert rows == {"bool", "null", "number", "behind"}
    assert failed == {"empty", "control"}  # their rows do not fit the 6 MB of a response
