"""How far each shard of a source has been stored, so that another Firehose can continue from there.

Source: KDS, "Using the Kinesis Client Library": a checkpoint follows what was processed, never precedes it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, MutableMapping

from ttl_archive.infra.local.firehose.source import Place

_SEPARATOR = "/"  # neither delivery stream names nor shard ids have one (BC-firehose, BC-kinesis)
_CREATED = ""  # the place of a shard's id in the key that says that the delivery stream was created


class Checkpoints:
    """The checkpoints of one delivery stream in a mapping `{"<delivery stream>/<shard>": position}`.

    A record is settled once each of its copies is stored in S3 or was dropped by the function. The
    checkpoint of a shard is the last record before which all are settled, so that a restart repeats records
    and never skips one. A shard without a checkpoint is read from its beginning after a restart.
    """

    def __init__(self, store: MutableMapping[str, str], delivery_stream: str) -> None:
        self._store = store
        self._head = delivery_stream + _SEPARATOR
        self._order: dict[str, deque[str]] = {}
        self._open: Counter[Place] = Counter()

    def resume(self) -> Mapping[str, str] | None:
        """Return the position to continue after, by shard; None for a delivery stream that is new.

        A new one is noted, so that it is not new at the next start.
        """
        keys = [key for key in self._store if key.startswith(self._head)]
        if not keys:
            self._store[self._head + _CREATED] = ""
            return None
        shards = (key.removeprefix(self._head) for key in keys)
        return {shard: self._store[self._head + shard] for shard in shards if shard != _CREATED}

    def expect(self, place: Place, copies: int) -> None:
        """Note a record that was read and that will be settled `copies` times."""
        shard, position = place
        if position:
            self._order.setdefault(shard, deque()).append(position)
            self._open[place] = copies

    def settle(self, places: Iterable[Place]) -> None:
        """Note that a copy of the record at each of these places is settled, and move the checkpoints."""
        shards = set()
        for shard, position in places:
            if position:
                self._open[shard, position] -= 1
                shards.add(shard)
        for shard in shards:
            self._advance(shard)

    def forget(self) -> None:
        """Remove the checkpoints of a delivery stream that is deleted."""
        for key in [key for key in self._store if key.startswith(self._head)]:
            del self._store[key]

    def _advance(self, shard: str) -> None:
        order = self._order[shard]
        last = None
        while order and self._open[shard, order[0]] <= 0:
            last = order.popleft()
            del self._open[shard, last]
        if last is not None:
            self._store[self._head + shard] = last
