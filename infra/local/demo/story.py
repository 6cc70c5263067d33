"""What happens in the demo, step by step, on a running pipeline."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from botocore.exceptions import ClientError, ParamValidationError
from msgspec import Raw

from ttl_archive.infra.local.demo.ledger import RULES, Ledger
from ttl_archive.infra.local.demo.readings import KEYS, RENEWED, USER_DELETED
from ttl_archive.infra.local.demo.report import DeliveredObject, QueryAnswer, StorageState
from ttl_archive.infra.local.demo.roads import DemoRoad
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.query.query_places import Question, bucket_place
from ttl_archive.replay.causes import explainer
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.commands.causes_report import causes_document
from ttl_archive.replay.error_objects.forecast import forecast
from ttl_archive.replay.error_objects.survey import Filter, survey
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.items.item_reader import ItemFileError
from ttl_archive.replay.replay_run import Summary, replay_prefix
from ttl_archive.replay.verdict import judge
from ttl_archive.transform.formats import ArchiveDialect
from ttl_archive.transform.layout import archive_folder, errors_folder
from ttl_archive.transform.selection import drop_rules
from ttl_archive.transform.verdict_version import transform_identity

CONFIG = """\
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"
keys = ["deviceID", "readingTime"]

[output]
format = "{format}"

[[columns]]
name = "device_id"
path = "deviceID"

[[columns]]
name = "reading_time"
path = "readingTime"

[[columns]]
name = "temperature"
type = "decimal(5,1)"
"""
# The failing item has an attribute "device_id" beside "deviceID": it gets a column of its own, the last one.
FIX = """
[[columns]]
name = "legacy_id"
path = "device_id"
"""
QUESTIONS = {
    "Rows a day": "SELECT dt, count(*) AS rows FROM archive_unique GROUP BY dt ORDER BY dt",
    "The warmest hour": (
        "SELECT device_id, reading_time, temperature FROM archive_unique "
        "ORDER BY temperature DESC, reading_time LIMIT 1"
    ),
}
COUNT_ROWS = "SELECT count(*) FROM archive"

GLACIER_AFTER = timedelta(days=31)  # 30 days by the rule, and the next midnight
RETRIEVAL_TAKES = timedelta(hours=5)  # Standard, from GLACIER: 3 to 5 hours. Source: S3 User Guide, restoring

_CALL_ITEMS = 25  # Source: DynamoDB API Reference, BatchWriteItem
_WRITERS = 4


def put_items(pipeline: Pipeline, items: Sequence[Item]) -> Iterator[int]:
    """Write the items to the table; yield how many items each call wrote."""
    waiting = iter(items)
    calls = iter(lambda: list(islice(waiting, _CALL_ITEMS)), [])
    with ThreadPoolExecutor(_WRITERS) as pool:
        yield from pool.map(lambda call: _write(pipeline, call), calls)


def user_acts(pipeline: Pipeline) -> None:
    """Delete one reading as a user would, and renew another for ten years."""
    deleted, renewed = (
        {name: {"S": value} for name, value in zip(KEYS, key, strict=True)} for key in (USER_DELETED, RENEWED)
    )
    pipeline.dynamodb.delete_item(TableName=pipeline.table, Key=deleted)
    later = pipeline.clock.now() + timedelta(days=3650)
    pipeline.dynamodb.update_item(
        TableName=pipeline.table,
        Key=renewed,
        UpdateExpression="SET #ttl = :later",
        ExpressionAttributeNames={"#ttl": pipeline.settings.table.ttl_attribute},
        ExpressionAttributeValues={":later": {"N": str(int(later.timestamp()))}},
    )


def live_through(pipeline: Pipeline, step: timedelta) -> int:
    """Advance the clock, let TTL remove what has expired, and deliver it. Return how many items were removed.

    The step must be longer than the interval of any buffer.
    """
    pipeline.clock.advance(step)
    removed = pipeline.sweep()
    pipeline.flush()
    return len(removed)


def ask_archive(pipeline: Pipeline, question: str, query: str) -> QueryAnswer:
    """Answer SQL over the bucket, as `ttl-archive query --on s3` does. Raises QueryError."""
    access = local_access(pipeline.s3_proxy.url)
    with bucket_place(pipeline.s3, access, pipeline.bucket, pipeline.settings, pipeline.clock.now) as place:
        result = place.ask(Question(query), lambda _: None)
        return QueryAnswer(question, query, [column.name for column in result.columns], [*result.rows])


def delivered(pipeline: Pipeline) -> list[DeliveredObject]:
    """Return everything that Firehose wrote."""
    listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket).get("Contents", [])
    return [DeliveredObject(entry["Key"], entry["Size"]) for entry in listed]


def first_row(pipeline: Pipeline) -> dict[str, str]:
    """Return the first delivered row as column -> value, with its digits as they are in the file."""
    bodies = pipeline.objects(archive_folder(pipeline.settings)).values()
    line = next((line for body in bodies for line in gzip.decompress(body).splitlines()), b"").decode()
    if not line:
        return {}
    if pipeline.settings.output.format == "csv":
        (cells,) = csv.reader([line], ArchiveDialect)
        return dict(zip(pipeline.settings.row_columns, cells, strict=True))
    return {
        name: _printable(bytes(raw)) for name, raw in msgspec.json.decode(line, type=dict[str, Raw]).items()
    }


def _printable(raw: bytes) -> str:
    """Return a string's text, or the JSON of any other value and of a text that would break the table."""
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) and value.isprintable() else raw.decode()


def causes(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return why records failed and what to do, as `ttl-archive replay list --why --json` has it."""
    settings = pipeline.settings
    claims = Claims(pipeline.s3, pipeline.bucket, settings.table.name, new_owner())
    found = survey(claims, errors_folder(settings), Filter(), transform_identity(settings))
    counted = forecast(
        pipeline.s3, found, judge(settings), explainer(settings), on_problem=_refuse_unreadable_object
    )
    refused: list[dict[str, Any]] = causes_document(counted, settings)["causes"]
    return refused


def fix_and_replay(pipeline: Pipeline) -> Summary:
    """Give the second attribute a column of its own, and replay the failed record."""
    config = Path(pipeline.settings.file)
    config.write_text(config.read_text(encoding="utf-8") + FIX, encoding="utf-8")
    pipeline.restart_function()
    return replay_failed(pipeline)


def replay_failed(pipeline: Pipeline) -> Summary:
    """Replay every error object into the archive, as `ttl-archive replay run` does."""
    prefix = errors_folder(pipeline.settings)
    return replay_prefix(pipeline.s3, pipeline.settings, bucket=pipeline.bucket, prefix=prefix)


def grow_cold(pipeline: Pipeline) -> Iterator[StorageState]:
    """Let a month pass, so that the lifecycle rule moves the archive to GLACIER, and retrieve one object."""
    folder = archive_folder(pipeline.settings)
    yield _storage(pipeline, "as delivered")
    pipeline.clock.advance(GLACIER_AFTER)
    moved = pipeline.apply_lifecycle()
    if not moved:
        return
    key = moved[-1].key
    yield _storage(pipeline, f"{GLACIER_AFTER.days} days later")
    request = {"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}
    pipeline.s3.restore_object(Bucket=pipeline.bucket, Key=key, RestoreRequest=request)
    yield _storage(pipeline, f"{key.removeprefix(folder).partition('/')[0]} requested")
    pipeline.clock.advance(RETRIEVAL_TAKES)
    yield _storage(pipeline, f"{RETRIEVAL_TAKES.seconds // 3600} hours later")


def _refuse_unreadable_object(error: ReplayError) -> None:
    raise error


def _storage(pipeline: Pipeline, when: str) -> StorageState:
    folder = archive_folder(pipeline.settings)
    listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix=folder).get("Contents", [])
    classes = Counter(entry.get("StorageClass", "STANDARD") for entry in listed)
    text = ", ".join(f"{number} {name}" for name, number in classes.items())
    return StorageState(when, text, _rows(pipeline), len(pipeline.unseen()))


def _rows(pipeline: Pipeline) -> int:
    ((number,),) = pipeline.sql(COUNT_ROWS).fetchall()
    return int(number)


def ledger(pipeline: Pipeline, road: DemoRoad, replayed: int = 0) -> Ledger:
    """Count every change and where it ended: rows in the bucket, drops in the log of the function."""
    lines = [json.loads(line) for line in pipeline.function.logs() if line.startswith("{")]
    dropped = {
        "user-removal": sum(line["DroppedUserRemoval"] for line in lines),
        "not-a-removal": sum(line["DroppedNotRemoval"] for line in lines),
        "ttl-removal": sum(line["DroppedTtlRemoval"] for line in lines),
    }
    rules = drop_rules(pipeline.settings).values()
    kept = [kind for kind, rule in RULES.items() if rule not in rules]
    return Ledger(
        pipeline.ledger().changes,
        kept,
        dropped,
        _rows(pipeline),
        road.failed(pipeline) - replayed,
        road.passed_over(pipeline),
    )


def _write(pipeline: Pipeline, items: Sequence[Item]) -> int:
    requests = {pipeline.table: [{"PutRequest": {"Item": item}} for item in items]}
    while requests:
        try:
            answer = pipeline.dynamodb.batch_write_item(RequestItems=requests)
        except (ClientError, ParamValidationError) as error:
            raise ItemFileError(f"DynamoDB refuses an item: {error}") from None
        requests = answer.get("UnprocessedItems", {})
    return len(items)
