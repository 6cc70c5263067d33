"""`ttl-archive init` on a table of mixed items: its predictions are what the local pipeline then does."""

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from ttl_archive.infra.cli import cli
from ttl_archive.infra.evidence.attribute_evidence import gather
from ttl_archive.infra.evidence.init_plan import InitAnswers, InitPlan, plan_configuration
from ttl_archive.infra.evidence.item_sources import ItemSource
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.infra.evidence.ttl_values import TtlKind, ttl_kind
from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.demo import story
from ttl_archive.infra.local.demo.mixed_items import FIRST_EXPIRY, KEY, TABLE, TTL_ATTRIBUTE, mixed_items
from ttl_archive.replay.items.attribute_values import Item, for_boto3
from ttl_archive.transform.settings import Column, load

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
BARE = f'[table]\nname = "{TABLE}"\nttl_attribute = "{TTL_ATTRIBUTE}"\n'


def oversized(number: int) -> Item:
    """An item within DynamoDB's 400 KB whose row exceeds the response: control characters need escapes."""
    expires = str(int(FIRST_EXPIRY.timestamp()))
    return {
        KEY: {"S": f"large-{number}"},
        TTL_ATTRIBUTE: {"N": expires},
        "text": {"S": "\x01" * (405_000 - 100)},  # moto takes no more, see test_large_records
    }


def plan_for(items: list[Item], file: Path) -> InitPlan:
    answers = InitAnswers(TABLE, TTL_ATTRIBUTE, (KEY,), "jsonl", expiries=1_000)
    with SampleStore(ItemSource("the test", iter(items)), 1_000) as store:
        evidence = gather(store.fill())
        return plan_configuration(answers, store, evidence, None, file=str(file), now=NOW)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    file = tmp_path / "archive.toml"
    file.write_text(BARE)
    with Pipeline(file, keys={KEY: "S"}, clock=Clock(NOW)) as pipeline:
        yield pipeline


def expire(pipeline: Pipeline, items: list[Item]) -> int:
    """Write the items, let all expire that ever do, and return how many were removed."""
    sum(story.put_items(pipeline, [for_boto3(item) for item in items]))
    removed = pipeline.sweep()
    pipeline.flush()
    return len(removed)


def columns_of_live_table(pipeline: Pipeline, out: Path) -> set[Column]:
    """Run `init` on the live table, in the pipeline's environment, and return the columns that it writes."""
    arguments = ["init", "--table", TABLE, "--out", str(out), "--json"]
    made = CliRunner().invoke(cli, arguments, env=pipeline.environment())
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    assert (document["read"]["items"], document["read"]["is_all"]) == (201, True)
    settings = load(out)
    assert settings.table.keys == (KEY,)
    assert settings.table.ttl_attribute == TTL_ATTRIBUTE
    return set(settings.columns)


def failures(pipeline: Pipeline) -> int:
    return sum(pipeline.ledger().firehose.failed.values())


def test_init_predicts_what_the_pipeline_does_and_its_configuration_resolves_it(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    items = [*mixed_items(), oversized(1)]
    plan = plan_for(items, Path(pipeline.settings.file))
    pipeline.clock.advance(FIRST_EXPIRY - NOW + timedelta(hours=len(items)))

    sum(story.put_items(pipeline, [for_boto3(item) for item in items]))
    assert columns_of_live_table(pipeline, tmp_path / "live.toml") == set(plan.settings.columns)
    removed = expire(pipeline, [])
    # Replay judges rows without the function's limit, so the row that is too large is no cause here.
    collided = {(cause["attribute"], cause["records"]) for cause in story.causes(pipeline)}

    before = plan.without_columns
    assert removed == before.expiring
    assert before.expiring_refused == {"ColumnCollision": 6, "RowTooLarge": 1}
    assert failures(pipeline) == 7
    assert collided == {("status and Status", 5), ("dt", 1)}
    assert {("ColumnCollision", *each) for each in collided} < {
        (code, attributes, count) for (code, attributes), count in before.forecast.refused.items()
    }
    assert pipeline.sql(story.COUNT_ROWS).fetchall() == [(before.expiring_rows,)]
    assert before.expiring_rows == before.expiring - 7

    Path(pipeline.settings.file).write_text(plan.text)
    pipeline.restart_function()
    story.replay_failed(pipeline)

    # Replay writes to the bucket, so the row that is too large for the function's response is delivered.
    ((rows,),) = pipeline.sql("SELECT count(*) FROM archive_unique").fetchall()
    assert rows == removed
    misfits = pipeline.saved_query("misfits", "2020-01-01", "2030-01-01")
    assert misfits
    assert {count for row in misfits for count in row[2:]} == {0}
    found = pipeline.sql("SELECT serial FROM archive WHERE order_id = 'order-0007'").fetchall()
    assert found == [(Decimal("12345678901234567890123456789012345007"),)]
    expired = [item for item in items if ttl_kind(item.get(TTL_ATTRIBUTE), NOW_S) is TtlKind.EPOCH_SECONDS]
    totals = [Decimal(item["total"]["N"]) for item in expired if "total" in item]
    assert pipeline.sql("SELECT sum(total) FROM archive_unique").fetchall() == [(sum(totals),)]

    from_rows = ["schema", "diff", "--bucket", pipeline.bucket, "--json"]
    found = CliRunner().invoke(cli, from_rows, env=pipeline.environment())
    assert {(each["kind"], each["subject"]) for each in json.loads(found.stdout)} == {
        ("refused", "RowTooLarge")
    }
    assert f"{removed} items, all of s3://{pipeline.bucket}/archive/{TABLE}/" in found.stderr

    failed_before = failures(pipeline)
    assert expire(pipeline, items) == plan.trial.expiring
    assert plan.trial.expiring_refused == {"RowTooLarge": 1}
    assert failures(pipeline) - failed_before == 1


def test_the_command_writes_a_configuration_that_check_config_accepts(tmp_path: Path) -> None:
    file, items = tmp_path / "archive.toml", tmp_path / "orders.jsonl"
    items.write_text("".join(json.dumps(item) + "\n" for item in mixed_items()))
    arguments = ["init", "--table", TABLE, "--key", KEY, "--out", str(file), str(items)]

    made = CliRunner().invoke(cli, arguments)
    checked = CliRunner().invoke(cli, ["check-config", "--config", str(file)])

    assert made.exit_code == 0, made.output
    assert checked.exit_code == 0, checked.output
    document = tomllib.loads(file.read_text())
    assert document["table"] == {"name": TABLE, "ttl_attribute": TTL_ATTRIBUTE, "keys": [KEY]}
    paths = {column.get("path", column["name"]): column["name"] for column in document["columns"]}
    assert paths["customer_id"] == "customer_id"
    assert paths["customerID"] == "customer_id_2"
    assert paths["dt"] == "dt_2"
