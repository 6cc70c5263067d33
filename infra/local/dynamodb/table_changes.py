"""The changes of a table, as the emulator's stream has them, each with its kind.

moto's stream has no mark on removals by the TTL process, and it has writes that change nothing. So a sweep
announces each of its removals, and writes that change nothing have a kind of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ttl_archive.infra.local.dynamodb.change_record import canonical, is_unchanged
from ttl_archive.infra.local.dynamodb.ttl import ExpiredItem

ChangeKind = Literal["inserted", "modified", "expired", "deleted", "unchanged"]

_KINDS: Mapping[str, ChangeKind] = {"INSERT": "inserted", "MODIFY": "modified", "REMOVE": "deleted"}


class TableChanges:
    """Reads the stream of a table from a position on; `streams` is a boto3 client of the emulator.

    A removal is `expired` when `expect` announced it. So begin a sweep right after `read`, and let no one
    change the same items in between.
    """

    def __init__(self, streams: Any, table: str) -> None:
        self._streams = streams
        self._table = table
        self._expected: defaultdict[bytes, list[ExpiredItem]] = defaultdict(list)  # by the keys
        self._iterator: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether changes are read."""
        return self._iterator is not None

    def start(self, position: Literal["TRIM_HORIZON", "LATEST"] = "LATEST") -> None:
        """Begin with what changes from now on, or with all that was kept."""
        stream = self._streams.list_streams(TableName=self._table)["Streams"][-1]["StreamArn"]
        shard = self._streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
        self._iterator = self._streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard, ShardIteratorType=position
        )["ShardIterator"]

    def stop(self) -> None:
        """Stop. What changes until the next start is not read."""
        self._iterator = None

    def expect(self, expired: ExpiredItem) -> None:
        """Announce a removal that a TTL sweep has made since the last read."""
        self._expected[canonical(expired.keys)].append(expired)

    def read(self) -> Iterator[tuple[Mapping[str, Any], ChangeKind]]:
        """Yield each change since the last read as a record of GetRecords, with its kind."""
        while self._iterator is not None:
            page = self._streams.get_records(ShardIterator=self._iterator, Limit=1000)
            for record in page["Records"]:
                yield record, self._kind(record)
            self._iterator = page.get("NextShardIterator")
            if not page["Records"]:
                break
        self._expected.clear()  # every announced removal has been read, or was made while this was stopped

    def _kind(self, record: Mapping[str, Any]) -> ChangeKind:
        if is_unchanged(record):
            return "unchanged"
        change = record["dynamodb"]
        if record["eventName"] == "REMOVE" and self._expected:
            announced = self._expected[canonical(change["Keys"])]
            for expired in announced:
                if expired.is_image(change["OldImage"]):
                    announced.remove(expired)
                    return "expired"
        return _KINDS[record["eventName"]]
