"""A data stream and a delivery stream that take puts as AWS does, and fail on demand.

Limits are checked as the services check them. Sources: BC-kinesis, BC-firehose; KDS service-sizes-and-limits;
FDG limits. A call that is over one raises, and takes nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from botocore.exceptions import ConnectionClosedError, ParamValidationError, ReadTimeoutError

from tests.fakes import client_error

ENDPOINT = "https://aws.invalid"
REFUSED = {"kinesis": "ProvisionedThroughputExceededException", "firehose": "ServiceUnavailableException"}

# For a call: its number, from 0, and its entries -> the entries' error codes, None where taken; or it raises.
Behaviour = Callable[[int, Sequence[Any]], Sequence[str | None]]


@dataclass
class FakeService:
    """Both clients in one: `taken` holds data and partition key of each entry taken, `calls` their number."""

    kind: str = "kinesis"
    behaviour: Behaviour = lambda _, entries: [None] * len(entries)
    taken: list[tuple[bytes, str]] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    accepts_then_fails: BaseException | None = None

    def put_records(self, *, StreamARN: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert self.kind == "kinesis"
        assert StreamARN.startswith("arn:aws:kinesis:")
        for record in Records:
            if not 1 <= len(record["PartitionKey"]) <= 256:
                raise ParamValidationError(report="Invalid length for parameter PartitionKey")
        sizes = [len(record["Data"]) + len(record["PartitionKey"].encode()) for record in Records]
        codes = self._put(Records, sizes, call_bytes=5 * 1024 * 1024, record_bytes=1024 * 1024)
        answers = [
            {"SequenceNumber": "1", "ShardId": "s"}
            if code is None
            else {"ErrorCode": code, "ErrorMessage": "no"}
            for code in codes
        ]
        return {"FailedRecordCount": len(codes) - codes.count(None), "Records": answers}

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert self.kind == "firehose"
        assert DeliveryStreamName == "archive"
        sizes = [len(record["Data"]) for record in Records]
        codes = self._put(Records, sizes, call_bytes=4 * 1024 * 1024, record_bytes=1_024_000)
        answers = [
            {"RecordId": "r"} if code is None else {"ErrorCode": code, "ErrorMessage": "no"} for code in codes
        ]
        return {"FailedPutCount": len(codes) - codes.count(None), "RequestResponses": answers}

    def _put(
        self, records: list[dict[str, Any]], sizes: list[int], call_bytes: int, record_bytes: int
    ) -> list[str | None]:
        if not 1 <= len(records) <= 500 or sum(sizes) > call_bytes or max(sizes) > record_bytes:
            raise client_error("InvalidArgumentException", "Put")
        self.calls.append(len(records))
        codes = list(self.behaviour(len(self.calls) - 1, records))
        for record, code in zip(records, codes, strict=True):
            if code is None:
                self.taken.append((record["Data"], record.get("PartitionKey", "")))
        if self.accepts_then_fails is not None:
            error, self.accepts_then_fails = self.accepts_then_fails, None
            raise error
        return codes

    def times_taken(self) -> Counter[bytes]:
        return Counter(data for data, _ in self.taken)


def refuse(code: str, which: Callable[[int, int], bool]) -> Behaviour:
    """Refuses entry `position` of call `number` where `which(number, position)` says so."""
    return lambda number, entries: [
        code if which(number, position) else None for position in range(len(entries))
    ]


def fails(*errors: BaseException | None, forever: bool = False) -> Behaviour:
    """Return a behaviour that raises these errors, one a call. None is a good call; so are all later ones."""
    order = cycle(errors) if forever else iter(errors)

    def behave(_: int, entries: Sequence[Any]) -> Sequence[str | None]:
        error = next(order, None)
        if error is not None:
            raise error
        return [None] * len(entries)

    return behave


def timeout() -> BaseException:
    return ReadTimeoutError(endpoint_url=ENDPOINT)


def connection_closed() -> BaseException:
    return ConnectionClosedError(endpoint_url=ENDPOINT)


class Clock:
    """Time that passes only by pausing, or by `step_s` each time it is asked; also a Lambda context."""

    def __init__(self, seconds: float = 60.0, step_s: float = 0.0) -> None:
        self.left = seconds
        self.step_s = step_s
        self.pauses: list[float] = []

    def time_left(self) -> float:
        self.left -= self.step_s
        return self.left

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.left -= seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.time_left() * 1000)
