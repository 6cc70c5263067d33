"""A table's DynamoDB stream in the form of AWS, converted from the emulator's.

moto trims no record and knows no TTL identity. It has the machine's time, writes that change nothing, and
numbers as they were written. Here a change has the time of the clock at which it was received. Source of the
shape: LS-esm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ttl_archive.infra.local.dynamodb.change_record import (
    TTL_IDENTITY,
    base64_once,
    encoded_image,
    size_bytes,
)
from ttl_archive.infra.local.dynamodb.table_changes import ChangeKind, TableChanges
from ttl_archive.infra.local.dynamodb.ttl import ExpiredItem
from ttl_archive.infra.local.event_source.memory_stream import MemoryStream
from ttl_archive.infra.local.event_source.stream import Page, Position, Shard
from ttl_archive.infra.local.firehose.clock import Clock


class TableStream:
    """A StreamReader for mappings: the stream of one table, both images; `receive` takes in what has changed.

    It begins with what changes from now on, as a stream that is enabled does (DDB: streams). `changes` counts
    what was received, by kind; `unchanged` writes are not in the stream.
    """

    def __init__(self, *, streams: Any, table: str, clock: Clock) -> None:
        self.changes: Counter[str] = Counter()
        self.arn: str = streams.list_streams(TableName=table)["Streams"][-1]["StreamArn"]
        self._changes = TableChanges(streams, table)
        self._changes.start("LATEST")
        self._clock = clock
        self._records = MemoryStream(clock, self.arn)

    def expect(self, expired: ExpiredItem) -> None:
        """Announce a removal that a TTL sweep has made since the last `receive`."""
        self._changes.expect(expired)

    def receive(self) -> int:
        """Take in what has changed, with the time of now, and return how many records that was."""
        before = self.changes.total() - self.changes["unchanged"]
        for record, kind in self._changes.read():
            self.changes[kind] += 1
            if kind != "unchanged":
                self._records.put(self._event(record, kind))
        return self.changes.total() - self.changes["unchanged"] - before

    def shards(self) -> Sequence[Shard]:
        """Return the only shard."""
        return self._records.shards()

    def iterator(self, shard_id: str, position: Position) -> str:
        """Return an iterator of the shard."""
        return self._records.iterator(shard_id, position)

    def read(self, iterator: str) -> Page:
        """Return what was received behind an iterator."""
        return self._records.read(iterator)

    def _event(self, record: Mapping[str, Any], kind: ChangeKind) -> dict[str, Any]:
        change = record["dynamodb"]
        images = {name: change[name] for name in ("NewImage", "OldImage") if name in change}
        body = {
            "ApproximateCreationDateTime": float(self._clock.now_us() // 1_000_000),
            "Keys": encoded_image(change["Keys"], base64_once),
            **{name: encoded_image(image, base64_once) for name, image in images.items()},
            "SequenceNumber": change["SequenceNumber"],
            "SizeBytes": sum(map(size_bytes, (change["Keys"], *images.values()))),
            "StreamViewType": change["StreamViewType"],
        }
        return {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": record["awsRegion"],
            "dynamodb": body,
            **({"userIdentity": TTL_IDENTITY} if kind == "expired" else {}),
            "eventSourceARN": self.arn,
        }
