"""What became of the records of a mapping, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class MappingCounts:
    """polled = filtered_out + acknowledged + to_destination + dropped + trimmed + waiting, always.

    After a restart the counts begin at 0, and what is read again is counted again. The metrics in CloudWatch
    are PolledEventCount, FilteredOutEventCount, InvokedEventCount, FailedInvokeEventCount, DroppedEventCount,
    OnFailureDestinationDeliveredEventCount and DestinationDeliveryFailures (LDG, monitoring-metrics-types).
    """

    polled: int = 0
    filtered_out: int = 0
    acknowledged: int = 0  # the function succeeded with them
    to_destination: int = 0
    dropped: int = 0  # discarded without a destination, or with one that refused
    trimmed: int = 0  # 24 hours old before they were acknowledged: AWS counts them nowhere
    waiting: int = 0
    invoked: int = 0  # records handed to the function, again for each retry
    failed: int = 0  # of these, those in batches that failed, from the first failed record on
    destination_failures: int = 0
    # Lambda charges each invocation as one request; GetRecords is free for a mapping.
    invocations: int = 0
    payload_bytes: int = 0
    throttles: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether each record that was read has one end."""
        ends = self.filtered_out + self.acknowledged + self.to_destination + self.dropped
        return self.polled == ends + self.trimmed + self.waiting
