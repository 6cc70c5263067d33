"""A seeded run of the Streams road, with faults everywhere, through the real forwarder and strict Firehose.

Whatever happens, each removal that the filter lets through ends as a row, an error line, or a record in an
on-failure object. A record may end more than once, as at-least-once delivery says, but never as nothing.
"""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from tests.fakes import FakeS3
from tests.transform.builders import settings
from tests.transform.fakes_forwarder import Context, Killed, Road, oversized, poison, removal, timeout
from ttl_archive.infra.local.event_source.batch_processor import Unverified
from ttl_archive.infra.local.event_source.faults import FaultPoint, Throttled
from ttl_archive.infra.local.event_source.mapping_service import EventSourceMappings
from ttl_archive.infra.local.event_source.memory_stream import MemoryStream
from ttl_archive.infra.local.event_source.stream import ShardRecord
from ttl_archive.infra.local.firehose.function import FunctionTimedOut, InProcess
from ttl_archive.infra.local.firehose.puts import throttled
from ttl_archive.infra.stream_filter import filter_criteria
from ttl_archive.transform.reingest import LEAST_TIME_LEFT_S

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:forwarder"
UUID = "11111111-2222-3333-4444-555555555555"
STEPS = 60
# At most 12 hours in all: a record that is 24 hours old is trimmed, and that is another story.
LONGEST_STEP_S = 12 * 3600 / STEPS

Forward = Callable[[Any, Any], Any]


class MappingKilled(Exception):
    """The process of the mapping ends here."""


class Simulation:
    """One run; `happened` counts the faults that took place."""

    def __init__(self, seed: int, spoil: Callable[[Forward], Forward] = lambda forward: forward) -> None:
        self.happened: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._settings = settings()
        self._road = Road(self._settings)
        self._road.made.firehose.before_put = self._refuse
        self._road.firehose.before = self._before_put
        self._road.firehose.after = self._after_put
        self._forward = spoil(self._road.forward)
        self._clock = self._road.made.clock
        self._stream = MemoryStream(self._clock)
        self._shards = ["shardId-00000001"]
        self._destination = FakeS3()
        self._checkpoints: dict[str, str] = {}
        self._request = self._mapping_request()
        self._is_faulty = True
        self._number = 0
        self._wanted: list[str] = []
        self._unwanted: set[str] = set()
        self._refused: set[str] = set()
        self._start()

    def run(self) -> None:
        """Run all steps, end the faults, hand over everything, and check the ledger."""
        for _ in range(STEPS):
            self._step()
        self._is_faulty = False
        self._clock.advance(seconds=120)
        self._work(self._mappings.flush)
        self.check()

    def check(self) -> None:
        """Check that each wanted record has an end, by its event id, and that no other record has one."""
        counts = self._mappings.counts(UUID)
        assert counts.adds_up
        assert (counts.waiting, counts.dropped, counts.trimmed) == (0, 0, 0)
        rows, lines, discarded = set(self._road.delivered()), set(self._road.failed()), self._discarded()
        ends = rows | lines | discarded
        assert sorted(ends) == sorted(self._wanted)
        assert not ends & self._unwanted
        self.happened["discarded"] += len(discarded)
        self.happened["refused records"] += len(lines)

    def _mapping_request(self) -> dict[str, Any]:
        chance = self._chance
        return {
            "EventSourceArn": self._stream.arn,
            "FunctionName": "forwarder",
            "StartingPosition": "TRIM_HORIZON",
            "FilterCriteria": filter_criteria(self._settings.select),
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BatchSize": chance.choice([1, 3, 10, 100]),
            "MaximumBatchingWindowInSeconds": chance.choice([0, 60]),
            "ParallelizationFactor": chance.choice([1, 3]),
            "BisectBatchOnFunctionError": chance.random() < 0.7,
            "MaximumRetryAttempts": chance.choice([-1, 0, 3]),
            "MaximumRecordAgeInSeconds": chance.choice([-1, 3600]),
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
        }

    def _start(self) -> None:
        """Start the mapping, again after it was killed."""
        self._mappings = EventSourceMappings(
            streams={self._stream.arn: self._stream},
            functions={FUNCTION: InProcess(self._handle)},
            clock=self._clock,
            s3=self._destination,
            checkpoints=self._checkpoints,
            unverified=Unverified(payload_form=self._chance.choice(["string", "object"])),
            fault=self._mapping_fault,
        )
        self._mappings.create_event_source_mapping(uuid=UUID, **self._request)

    def _step(self) -> None:
        act = self._chance.choice(["put", "put", "put", "poll", "poll", "time", "time", "flush", "split"])
        if act == "put":
            for _ in range(self._chance.randrange(1, 12)):
                self._put()
        elif act == "poll":
            self._work(self._mappings.poll)
        elif act == "flush":
            self._work(self._mappings.flush)
        elif act == "split" and self._chance.random() < 0.3:
            self._split()
        else:
            self._work(lambda: self._clock.advance(seconds=self._chance.uniform(0, LONGEST_STEP_S)))

    def _put(self) -> None:
        self._number += 1
        kind = self._chance.choices([removal, poison, oversized, None], [70, 8, 0.3, 20])[0]
        record = (kind or removal)(self._number)
        record["dynamodb"]["ApproximateCreationDateTime"] = float(int(self._clock.now().timestamp()))
        if kind is None:
            del record["userIdentity"]
            self._unwanted.add(record["eventID"])
        else:
            self._wanted.append(record["eventID"])
            if kind is not removal:
                self._refused.add(record["eventID"])
        self._stream.put(record, self._chance.choice(self._shards))

    def _split(self) -> None:
        parent = self._chance.choice(self._shards)
        self.happened["shard end"] += 1
        children = [f"shardId-{self.happened['shard end']:08}-{side}" for side in "ab"]
        self._shards = [shard for shard in self._shards if shard != parent] + children
        self._stream.split(parent, *children)

    def _work(self, act: Callable[[], object]) -> None:
        try:
            act()
        except MappingKilled:
            self.happened["mapping killed"] += 1
            self._mappings.close()
            self._start()

    def _handle(self, event: Any, _context: Any) -> Any:
        with redirect_stdout(io.StringIO()):
            try:
                return self._forward(event, Context(self._seconds_left(event), 0.0))
            except Killed:
                raise SystemExit(137) from None  # the process of the function

    def _seconds_left(self, event: Any) -> float:
        """Return the time that the forwarder has: enough for every attempt, and nearly nothing for pauses."""
        if self._is("no time left", 0.1):
            return LEAST_TIME_LEFT_S / 2
        refuses = any(record["eventID"] in self._refused for record in event["Records"])
        return LEAST_TIME_LEFT_S * (2 if refuses else 1) + 0.001

    def _is(self, kind: str, probability: float) -> bool:
        if self._is_faulty and self._chance.random() < probability:
            self.happened[kind] += 1
            return True
        return False

    def _mapping_fault(self, point: FaultPoint, _: Sequence[ShardRecord]) -> None:
        if self._is(f"mapping killed {point}", 0.02):
            raise MappingKilled
        if point == "before-invoke" and self._is("throttled function", 0.1):
            raise Throttled
        if point == "after-invoke" and self._is("function timed out", 0.05):
            raise FunctionTimedOut

    def _before_put(self, _: int) -> None:
        if self._is("function killed before the put", 0.05):
            raise Killed

    def _after_put(self, _: int) -> None:
        if self._is("function killed after the put", 0.05):
            raise Killed
        if self._is("put timed out", 0.05):
            raise timeout()

    def _refuse(self, _name: str, data: Sequence[bytes]) -> Mapping[int, str]:
        if self._is("throttled put", 0.1):
            raise throttled()
        if self._is("partial refusal", 0.2):
            return {self._chance.randrange(len(data)): "ServiceUnavailableException"}
        return {}

    def _discarded(self) -> set[str]:
        """Return the event ids of the records in on-failure objects."""
        found: set[str] = set()
        for request in self._destination.objects.values():
            payload = json.loads(request["Body"])["payload"]
            event = json.loads(payload) if isinstance(payload, str) else payload
            found |= {record["eventID"] for record in event["Records"]}
        return found
