"""What the two roads have in common when it is asked whether they hold records that deleting them would lose.

Firehose has no call that shows its buffers, so that this is concluded from metrics. For both roads:

- the table is detached, so that no new change arrives;
- for longer than every buffer can last, nothing entered the road's buffers (the road says which metric);
- Firehose has no delivery in progress: DeliveryToS3.DataFreshness is emitted only while there is one, so a
  delivery that S3 refuses shows here.

Source: Amazon Data Firehose Developer Guide, monitoring-with-cloudwatch-metrics.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import Waiter, client_error_code
from ttl_archive.infra.attachment.metric_series import MetricName, read_series

# CloudWatch shows a metric some minutes late.
METRIC_DELAY_S = 300
RECENT_S = 2 * METRIC_DELAY_S

Clients = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class PausingClock:
    """The time, and how to wait for some seconds."""

    now: Callable[[], datetime]
    pause: Callable[[float], None]


SYSTEM_CLOCK = PausingClock(lambda: datetime.now(UTC), time.sleep)


@dataclass(frozen=True, slots=True)
class DeployedRoad(ABC):
    """The names of one road, and the longest time in seconds that its buffers keep a record."""

    table: str
    delivery_stream: str
    buffers_s: int

    @property
    def quiet_s(self) -> int:
        """For how many seconds nothing must have entered the road until its buffers are empty."""
        return self.buffers_s + METRIC_DELAY_S

    @abstractmethod
    def is_attached(self, clients: Clients) -> bool:
        """Return whether changes of the table can still arrive."""

    @abstractmethod
    def detach(self, clients: Clients, waiter: Waiter) -> None:
        """Let no more changes in, and wait until AWS reports it. Raises DestinationError on timeout."""

    @abstractmethod
    def reasons_before_delivery(self, clients: Clients, now: datetime) -> list[str]:
        """Return why changes may still be on their way to the delivery stream, or in its buffer."""

    def reasons_to_wait(self, clients: Clients, now: datetime) -> list[str]:
        """Return why the road may still hold records; nothing when it is drained. Raises ClientError."""
        if not _delivery_stream_exists(clients("firehose"), self.delivery_stream):
            return []
        return [*self.reasons_before_delivery(clients, now), *self._delivery_in_progress(clients, now)]

    def delivery_metric(self, name: str, statistic: str) -> MetricName:
        """Return a metric of the delivery stream."""
        return MetricName("AWS/Firehose", name, statistic, {"DeliveryStreamName": self.delivery_stream})

    def _delivery_in_progress(self, clients: Clients, now: datetime) -> list[str]:
        name = self.delivery_metric("DeliveryToS3.DataFreshness", "Maximum")
        (freshness,) = read_series(clients("cloudwatch"), [name], now - timedelta(seconds=RECENT_S), now)
        if freshness.maximum is None:
            return []
        return [f"a delivery is in progress; its oldest record is {freshness.maximum:.0f} seconds old"]


def confirmed_reasons(clients: Clients, road: DeployedRoad, clock: PausingClock) -> list[str]:
    """Return why the delivery stream may still hold records, after looking twice.

    The second look, METRIC_DELAY_S later, sees the records that arrived shortly before the first one.
    """
    waits = road.reasons_to_wait(clients, clock.now())
    if waits:
        return waits
    clock.pause(METRIC_DELAY_S)
    return road.reasons_to_wait(clients, clock.now())


def _delivery_stream_exists(firehose: Any, name: str) -> bool:
    """Return whether the delivery stream is there. Raises ClientError."""
    try:
        firehose.describe_delivery_stream(DeliveryStreamName=name)
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            return False
        raise
    return True
