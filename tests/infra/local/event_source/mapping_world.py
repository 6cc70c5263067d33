"""A stream in memory, a clock, and functions that a test controls."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ttl_archive.infra.local.event_source.counts import MappingCounts
from ttl_archive.infra.local.event_source.mapping_service import EventSourceMappings
from ttl_archive.infra.local.event_source.memory_stream import MemoryStream
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.function import InProcess
from ttl_archive.infra.local.firehose.memory_s3 import MemoryS3

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
UUID = "11111111-2222-3333-4444-555555555555"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:forwarder"
BUCKET = "failures"


class World:
    """One stream, one function and one mapping; `batches` are the sequence numbers of each invocation."""

    def __init__(self) -> None:
        self.clock = Clock(START)
        self.stream = MemoryStream(self.clock)
        self.s3 = MemoryS3()
        self.checkpoints: dict[str, str] = {}
        self.batches: list[list[int]] = []
        self.answer: Callable[[list[int]], Any] = lambda _: None
        self._last = 0

    def put(self, count: int = 1, *, shard: str | None = None, pad: int = 0, **members: Any) -> list[int]:
        """Put records with ascending sequence numbers, each of another item, and return the numbers."""
        numbers = list(range(self._last + 1, self._last + 1 + count))
        for number in numbers:
            self.stream.put(self.record(number, pad=pad, **members), shard)
        self._last = numbers[-1]
        return numbers

    def record(self, number: int, *, key: str | None = None, pad: int = 0, **members: Any) -> dict[str, Any]:
        change = {
            "ApproximateCreationDateTime": float(int(self.clock.now().timestamp())),
            "Keys": {"pk": {"S": key or f"item-{number}"}},
            "OldImage": {"pk": {"S": key or f"item-{number}"}, "pad": {"S": "x" * pad}},
            "SequenceNumber": str(number),
        }
        return {"eventID": f"e{number}", "eventName": "REMOVE", "dynamodb": change, **members}

    def start(self, service: dict[str, Any] | None = None, **request: Any) -> EventSourceMappings:
        """Create the mapping, again with the same checkpoints as after a crash."""
        self.mappings = EventSourceMappings(
            streams={self.stream.arn: self.stream},
            functions={FUNCTION: InProcess(self._handle)},
            clock=self.clock,
            s3=self.s3,
            checkpoints=self.checkpoints,
            **(service or {}),
        )
        self.mappings.create_event_source_mapping(
            uuid=UUID,
            EventSourceArn=self.stream.arn,
            FunctionName="forwarder",
            **{"StartingPosition": "TRIM_HORIZON"} | request,
        )
        return self.mappings

    def advance(self, seconds: float) -> None:
        """Let time pass and do what is due."""
        self.clock.advance(seconds=seconds)
        self.mappings.poll()

    @property
    def counts(self) -> MappingCounts:
        counts = self.mappings.counts(UUID)
        assert counts.adds_up, counts
        return counts

    def documents(self) -> list[dict[str, Any]]:
        """Return the objects of the on-failure destination."""
        return [json.loads(request["Body"]) for request in self.s3.objects.values()]

    def _handle(self, event: dict[str, Any], _context: Any) -> Any:
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in event["Records"]]
        self.batches.append(numbers)
        return self.answer(numbers)


def failures(*numbers: int | None) -> dict[str, Any]:
    """Return a response that reports these sequence numbers."""
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


REPORTING = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
TO_BUCKET = {"DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:s3:::{BUCKET}"}}}
