"""The staged items into a table. What is in the table is newer and stays: every put is conditional."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Event

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import error_code
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.items.attribute_values import Item, for_boto3
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.restore.destination_table import DestinationTable, TtlChoice
from ttl_archive.replay.restore.item_extraction import StagedItem
from ttl_archive.replay.restore.stage import Stage
from ttl_archive.replay.workers import Threads, Workers, in_parallel

PUT, ALREADY_THERE, REFUSED = "put", "already there", "refused"
_NOTE_EVERY = 100
# A write unit is 1 KB of item, at least one. Source: DynamoDB Developer Guide, capacity unit consumption.
_UNIT_BYTES = 1024

PutOutcome = tuple[bytes, str]  # the staged item's id; PUT, ALREADY_THERE or REFUSED


@dataclass(frozen=True, slots=True)
class TableWriter:
    """Puts items into one table. `begun` is when the restore began; a moved TTL counts from it."""

    table: DestinationTable
    ttl: TtlChoice
    begun: datetime

    def put(self, item: Item) -> str:
        """Put an item unless its key is there; return PUT, ALREADY_THERE or REFUSED.

        Raises ReplayError for an error that every item would meet.
        """
        prepared = self.ttl.apply(item, self.table.ttl_attribute, self.begun)
        try:
            self.table.dynamodb.put_item(
                TableName=self.table.name,
                Item=for_boto3(prepared),
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": self.table.keys[0]},
            )
        except ClientError as error:
            code = error_code(error)
            if code == "ConditionalCheckFailedException":
                return ALREADY_THERE
            if code == "ValidationException":
                return REFUSED  # too large, or without a key attribute of the table
            message = f"table {self.table.name}: PutItem was refused with {code}. Run again to resume"
            raise ReplayError(message) from error
        except BotoCoreError as error:
            raise ReplayError(f"table {self.table.name}: {error}. Run again to resume") from error
        return PUT


def write_items(
    stage: Stage,
    writer: TableWriter,
    rate: Rate,
    stop: Event,
    concurrency: int,
    on_items: Callable[[int], None] = lambda items: None,  # noqa: ARG005
    workers: Callable[[int], Workers] = Threads,
) -> None:
    """Put every staged item that has no outcome yet, and note the outcomes. `rate` counts write units.

    A kill repeats at most a few hundred puts, which then are already there. Raises ReplayError.
    """
    noted: list[PutOutcome] = []
    try:
        pool = workers(concurrency)
        for outcome in _outcomes(stage.waiting_items(), writer, rate, stop, pool, 2 * concurrency):
            noted.append(outcome)
            on_items(1)
            if len(noted) == _NOTE_EVERY:
                stage.note(noted)
                noted.clear()
    finally:
        stage.note(noted)


def write_units(size_bytes: int) -> int:
    """Return the write units that an item of so many bytes consumes."""
    return max(1, -(-size_bytes // _UNIT_BYTES))


def _outcomes(
    items: Iterator[StagedItem], writer: TableWriter, rate: Rate, stop: Event, pool: Workers, at_once: int
) -> Iterator[PutOutcome]:
    """Yield the outcome of each item, in any order. After an error no put is begun, and those begun count."""
    errors: list[ReplayError] = []

    def put(staged: StagedItem) -> PutOutcome | None:
        rate.take(write_units(len(staged.line)))
        try:
            return staged.id, writer.put(json.loads(staged.line))
        except ReplayError as error:
            errors.append(error)
            stop.set()
            return None

    yield from filter(None, in_parallel(pool, put, items, at_once=at_once, stop=stop))
    if errors:
        raise errors[0]
