"""What happens in the demo, step by step, on a running pipeline."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from ttl_archive.infra.local.demo.items import KEYS, RENEWED, USER_DELETED, Item, TableFileError
from ttl_archive.infra.local.demo.report import RULES, Answer, Ledger, Storage
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.replay.replay_run import Summary, replay_prefix
from ttl_archive.transform.errors import ArchiveError
from ttl_archive.transform.layout import archive_folder, errors_folder
from ttl_archive.transform.selection import drop_rules

CONFIG = """\
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"

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
# The poison item has an attribute "device_id" beside "deviceID": it gets a column of its own, the last one.
MEND = """
[[columns]]
name = "legacy_id"
path = "device_id"
"""
QUESTIONS = {
    "Rows a day": "SELECT dt, count(*) AS rows FROM archive GROUP BY dt ORDER BY dt",
    "The warmest hour": (
        "SELECT device_id, reading_time, CAST(temperature AS DECIMAL(5,1)) AS temperature FROM archive "
        "ORDER BY temperature DESC, reading_time LIMIT 1"
    ),
}
COUNT_ROWS = "SELECT count(*) FROM archive"

GLACIER_AFTER = timedelta(days=31)  # the rule's 30 days, and the midnight after
RESTORE_TAKES = timedelta(hours=5)  # Standard, from GLACIER: 3 to 5 hours. Source: S3 User Guide, restoring

_CALL_ITEMS = 25  # Source: DynamoDB API Reference, BatchWriteItem
_WRITERS = 4


class NoAnswerError(ArchiveError):
    """The SQL was no question."""


def load(pipeline: Pipeline, items: Sequence[Item]) -> Iterator[int]:
    """Write the items to the table; gives how many each call has taken."""
    waiting = iter(items)
    calls = iter(lambda: list(islice(waiting, _CALL_ITEMS)), [])
    with ThreadPoolExecutor(_WRITERS) as pool:
        yield from pool.map(lambda call: _write(pipeline, call), calls)


def user_acts(pipeline: Pipeline) -> None:
    """A user deletes one reading, and lets another live for ten years more."""
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
    """Move the clock one step, longer than any buffer: TTL removes what is due, and it is delivered.

    Gives how many items TTL removed.
    """
    pipeline.clock.advance(step)
    removed = pipeline.sweep()
    pipeline.flush()
    return len(removed)


def ask(pipeline: Pipeline, question: str, query: str) -> Answer:
    """What SQL over the delivered files says."""
    relation = pipeline.sql(query)
    if relation is None:  # DuckDB's answer to a statement that has no rows
        raise NoAnswerError("it gives no rows. Ask with SELECT, e.g. SELECT count(*) FROM archive")
    return Answer(question, query, relation.columns, relation.fetchall())


def delivered(pipeline: Pipeline) -> list[tuple[str, int]]:
    """Keys and sizes in the bucket of everything that Firehose wrote."""
    listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket).get("Contents", [])
    return [(entry["Key"], entry["Size"]) for entry in listed]


def rows(pipeline: Pipeline, most: int) -> list[str]:
    """The first lines of the first delivered object, as they stand there."""
    bodies = pipeline.objects(archive_folder(pipeline.settings)).values()
    return [line.decode() for body in bodies for line in gzip.decompress(body).splitlines()][:most]


def error_lines(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Every line of every error object."""
    bodies = pipeline.objects(errors_folder(pipeline.settings)).values()
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def fix_and_replay(pipeline: Pipeline) -> Summary:
    """Let both attributes have a place, and bring the failed record home."""
    config = Path(pipeline.settings.file)
    config.write_text(config.read_text(encoding="utf-8") + MEND, encoding="utf-8")
    pipeline.restart_function()
    return replay(pipeline)


def replay(pipeline: Pipeline) -> Summary:
    """What `ttl-archive replay run` does, with the s3 sink."""
    prefix = errors_folder(pipeline.settings)
    return replay_prefix(pipeline.s3, pipeline.settings, bucket=pipeline.bucket, prefix=prefix)


def grow_cold(pipeline: Pipeline) -> Iterator[Storage]:
    """A month passes and the lifecycle rule moves the archive to GLACIER; one object is restored."""
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
    yield _storage(pipeline, f"restore of {key.removeprefix(folder).partition('/')[0]} begun")
    pipeline.clock.advance(RESTORE_TAKES)
    yield _storage(pipeline, f"{RESTORE_TAKES.seconds // 3600} hours later")


def _storage(pipeline: Pipeline, when: str) -> Storage:
    folder = archive_folder(pipeline.settings)
    listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix=folder).get("Contents", [])
    classes = Counter(entry.get("StorageClass", "STANDARD") for entry in listed)
    text = ", ".join(f"{number} {name}" for name, number in classes.items())
    return Storage(when, text, _rows(pipeline))


def _rows(pipeline: Pipeline) -> int:
    ((number,),) = pipeline.sql(COUNT_ROWS).fetchall()
    return int(number)


def ledger(pipeline: Pipeline, replayed: int = 0) -> Ledger:
    """What happened, and where it is: rows are counted in the bucket, drops in the function's own log."""
    lines = [json.loads(line) for line in pipeline.function.logs() if line.startswith("{")]
    dropped = {
        "user-removal": sum(line["DroppedUserRemoval"] for line in lines),
        "not-a-removal": sum(line["DroppedNotRemoval"] for line in lines),
        "ttl-removal": sum(line["DroppedTtlRemoval"] for line in lines),
    }
    rules = drop_rules(pipeline.settings).values()
    kept = [kind for kind, rule in RULES.items() if rule not in rules]
    counted = pipeline.ledger()
    failed = sum(counted.firehose.failed.values()) - replayed
    return Ledger(counted.changes, kept, dropped, _rows(pipeline), failed)


def _write(pipeline: Pipeline, items: Sequence[Item]) -> int:
    requests = {pipeline.table: [{"PutRequest": {"Item": item}} for item in items]}
    while requests:
        try:
            answer = pipeline.dynamodb.batch_write_item(RequestItems=requests)
        except (ClientError, ParamValidationError) as error:
            raise TableFileError(f"DynamoDB refuses an item: {error}") from None
        requests = answer.get("UnprocessedItems", {})
    return len(items)
