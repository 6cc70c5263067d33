"""What became of a batch of a DynamoDB stream: counts, and the log line, without any item's content."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.transform.convert import Drop, Row
from ttl_archive.transform.limits import Entry
from ttl_archive.transform.metrics import BatchTally, emf_line, non_empty
from ttl_archive.transform.refusal import Refusal

# What each record is rounded up to. Source: Amazon Data Firehose Developer Guide, limits.
BILLED_BYTES = 5 * 1024
_UNITS = {
    "RecordsReceived": "Count",
    "RecordsDelivered": "Count",
    "RecordsDropped": "Count",
    "RecordsFailed": "Count",
    "RecordsReturned": "Count",
    "DroppedNotRemoval": "Count",
    "DroppedUserRemoval": "Count",
    "DroppedTtlRemoval": "Count",
    "UnexpectedErrors": "Count",
    "FirehoseRecords": "Count",
    "BytesPut": "Bytes",
    "BytesBilled": "Bytes",
    "Duration": "Milliseconds",
}


@dataclass(slots=True)
class ForwardTally:
    """The counts of a batch. Received = delivered + dropped + failed + returned for another delivery.

    What the delivery stream confirmed is counted apart, because a returned record may be among it.
    """

    batch: BatchTally = field(default_factory=BatchTally)
    returned: int = 0
    firehose_records: int = 0
    bytes_put: int = 0
    bytes_billed: int = 0
    put_errors: Counter[str] = field(default_factory=Counter)  # by the service's own error code
    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    def confirm(self, entry: Entry) -> None:
        """Count a record that the delivery stream confirmed."""
        self.firehose_records += 1
        self.bytes_put += len(entry.data)
        self.bytes_billed += -(-len(entry.data) // BILLED_BYTES) * BILLED_BYTES

    def count(
        self, outcomes: Sequence[Row | Drop | Refusal], end: int, sequence_numbers: Sequence[str]
    ) -> None:
        """Count what became of the records before the position `end`; the others are returned."""
        batch = self.batch
        batch.received, self.returned = len(outcomes), len(outcomes) - end
        for outcome, sequence_number in zip(outcomes[:end], sequence_numbers, strict=False):
            if isinstance(outcome, Row):
                batch.delivered += 1
            elif isinstance(outcome, Drop):
                batch.dropped[outcome.rule] += 1
            else:
                batch.fail_by(sequence_number, outcome.error)

    def metrics(self) -> dict[str, float]:
        """Return the value of every metric."""
        own = {
            "RecordsReturned": self.returned,
            "FirehoseRecords": self.firehose_records,
            "BytesPut": self.bytes_put,
            "BytesBilled": self.bytes_billed,
        }
        values = self.batch.metrics() | own
        return {name: values[name] for name in _UNITS}

    def log_line(self, table: str, context: Any) -> str:
        """Return the line: metrics at the root, and what helps to find a failure."""
        more = {"requestId": getattr(context, "aws_request_id", None)}
        details = {
            "failedByCode": dict(self.batch.failed),
            "failures": self.batch.examples,
            "putErrors": dict(self.put_errors),
        }
        return emf_line(table, _UNITS, self.metrics(), more | non_empty(details))
