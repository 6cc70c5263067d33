"""How a test makes a mapping fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from ttl_archive.infra.local.event_source.stream import ShardRecord

FaultPoint = Literal["before-invoke", "after-invoke", "before-destination", "after-destination"]
# Called at each point with the records of the batch. It may raise Throttled before an invocation, and
# FunctionError or FunctionTimedOut before or after it. Anything else ends `poll`, as a kill would.
Fault = Callable[[FaultPoint, Sequence[ShardRecord]], None]


class Throttled(Exception):  # noqa: N818 - named after Lambda's TooManyRequests
    """Lambda, or a service behind it, did not run the function. It is tried again, and that is no retry."""


def no_fault(_point: FaultPoint, _records: Sequence[ShardRecord]) -> None:
    """Let everything succeed."""
