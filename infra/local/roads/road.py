"""What a pipeline asks of a road."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, Self

from ttl_archive.infra.local.dynamodb.ttl import ExpiredItem
from ttl_archive.infra.local.in_process_function import InProcessFunction
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime

RoadName = Literal["kinesis", "streams"]
LocalFunction = LambdaRuntime | InProcessFunction


class Road(Protocol):
    """A context manager; `create` makes its resources once the emulator answers, `attach` starts its flow."""

    function: LocalFunction
    delivery_stream: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    @property
    def changes(self) -> Mapping[str, int]:
        """The changes of the table since the road was attached, by kind."""
        ...

    @property
    def replicated(self) -> int:
        """The number of changes that reached the stream behind the table."""
        ...

    @property
    def put_sizes(self) -> Mapping[int, int]:
        """How many records of each size were put into a data stream; none where there is no such stream."""
        ...

    @property
    def invocations(self) -> int:
        """How often the function was invoked."""
        ...

    def create(self) -> None:
        """Create what the road needs, and start its function."""
        ...

    def create_delivery_stream(self) -> None:
        """Create the delivery stream, also in a Firehose that replaced another."""
        ...

    def attach(self) -> None:
        """Take in the changes of the table from now on."""
        ...

    def detach(self) -> None:
        """Take in no more changes. What was taken in is delivered."""
        ...

    def expect(self, expired: ExpiredItem) -> None:
        """Note a removal that a TTL sweep has made since the changes were last taken in."""
        ...

    def receive(self) -> None:
        """Take in what has changed."""
        ...

    def run(self) -> int:
        """Take in changes and move what is due; return how much moved."""
        ...

    def flush(self) -> None:
        """Move everything to the delivery stream."""
        ...
