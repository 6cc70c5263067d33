"""The staged items back into a table. What is in the table is newer and stays: the put is conditional."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from threading import Event
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.replay.aws import error_code
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.restore.archived_rows import Item
from ttl_archive.replay.restore.stage import Stage, Staged
from ttl_archive.replay.workers import Threads, in_parallel

PUT, THERE, REFUSED = "put", "there already", "refused"
_NOTE_EVERY = 100
# A number has 38 digits at most. Source: DynamoDB Developer Guide, constraints.
_EXACT = Context(prec=40)


@dataclass(frozen=True, slots=True)
class Target:
    """The table to write to. `keys` are its key attributes, the partition key first."""

    dynamodb: Any
    table: str
    keys: tuple[str, ...]
    ttl_attribute: str
    ttl_until: datetime | None  # None: the TTL attribute is removed
    keep_ttl: bool = False

    def prepared(self, item: Item) -> Item:
        """The item with its TTL attribute removed, moved forward, or as it was."""
        if self.keep_ttl:
            return item
        rest = {name: value for name, value in item.items() if name != self.ttl_attribute}
        if self.ttl_until is None:
            return rest
        return rest | {self.ttl_attribute: {"N": str(int(self.ttl_until.timestamp()))}}

    def put(self, item: Item) -> str:
        """Put one item unless its key is there. Raises ReplayError for what would meet every item."""
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item={name: to_boto(value) for name, value in self.prepared(item).items()},
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": self.keys[0]},
            )
        except ClientError as error:
            code = error_code(error)
            if code == "ConditionalCheckFailedException":
                return THERE
            if code == "ValidationException":
                return REFUSED  # too large, or without a key of the table
            raise ReplayError(
                f"table {self.table}: PutItem was refused with {code}. Run again to go on"
            ) from error
        return PUT


def find_target(dynamodb: Any, table: str, ttl_attribute: str, ttl: str) -> Target:
    """The table, with its keys. `ttl` is remove, keep, or how far to move it: +90d. Raises MisuseError."""
    try:
        described = dynamodb.describe_table(TableName=table)["Table"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise MisuseError(
                f"--to-table {table}: there is no such table. Check --profile and --region"
            ) from None
        raise
    schema = sorted(described["KeySchema"], key=lambda key: str(key["KeyType"]))  # HASH, then RANGE
    keys = tuple(key["AttributeName"] for key in schema)
    if ttl_attribute in keys:
        raise MisuseError(f"--to-table {table}: the TTL attribute {ttl_attribute} is a key of it")
    return Target(dynamodb, table, keys, ttl_attribute, _until(ttl), keep_ttl=ttl == "keep")


def write(stage: Stage, target: Target, rate: Rate, stop: Event, concurrency: int,
          on_items: Callable[[int], None] = lambda items: None) -> None:  # noqa: ARG005  # fmt: skip
    """Put every item that has no outcome yet, and note the outcomes. A kill repeats at most a few puts."""
    waiting = stage.items(waiting=True)
    noted: list[tuple[bytes, str]] = []
    try:
        for done in _put_all(waiting, target, rate, stop, concurrency):
            noted.append(done)
            on_items(1)
            if len(noted) == _NOTE_EVERY:
                stage.note(noted)
                noted.clear()
    finally:
        stage.note(noted)


def key_of(item: Item, keys: tuple[str, ...]) -> str | None:
    """What tells the item from others in the table; None when it has not all the key attributes."""
    if not all(name in item for name in keys):
        return None
    return json.dumps([_canonical(item[name]) for name in keys], ensure_ascii=False)


def to_boto(value: dict[str, Any]) -> dict[str, Any]:
    """An attribute value as boto3 takes it: binary as bytes."""
    match value:
        case {"B": content}:
            return {"B": base64.b64decode(content)}
        case {"BS": contents}:
            return {"BS": [base64.b64decode(content) for content in contents]}
        case {"M": members}:
            return {"M": {name: to_boto(member) for name, member in members.items()}}
        case {"L": members}:
            return {"L": [to_boto(member) for member in members]}
    return value


def _put_all(
    items: Iterator[Staged], target: Target, rate: Rate, stop: Event, concurrency: int
) -> Iterator[tuple[bytes, str]]:
    def put(staged: Staged) -> tuple[bytes, str]:
        rate.take(1)
        return staged.id, target.put(json.loads(staged.line))

    yield from in_parallel(Threads(concurrency), put, items, at_once=2 * concurrency, stop=stop)


def _canonical(value: dict[str, Any]) -> list[str]:
    ((kind, content),) = value.items()
    if kind == "N":  # 1.50 and 1.5 are one key
        number = Decimal(content)
        content = str(number.normalize(_EXACT)) if number else "0"
    return [kind, str(content)]


def _until(ttl: str) -> datetime | None:
    if ttl in ("remove", "keep"):
        return None
    if not (ttl.startswith("+") and ttl.endswith("d") and ttl[1:-1].isdigit()):
        raise MisuseError(f'--ttl has value "{ttl}". It must be remove, keep, or +90d for 90 days from now')
    try:
        return datetime.now(UTC) + timedelta(days=int(ttl[1:-1]))
    except OverflowError:
        raise MisuseError(f'--ttl has value "{ttl}", which is after the year 9999') from None
