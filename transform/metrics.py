"""The one log line of a batch, in CloudWatch's embedded metric format, without any item's content.

Source of the format: CloudWatch User Guide, embedded metric format specification.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from traceback import extract_tb
from typing import Any

from ttl_archive.transform.errors import RecordError

NAMESPACE = "TtlArchive"
UNEXPECTED = "UnexpectedError"
REINGEST_LOOP = "ReingestLoop"
EXAMPLES = 10  # failures that the line names with their record id

_UNITS = {
    "RecordsReceived": "Count",
    "RecordsDelivered": "Count",
    "RecordsDropped": "Count",
    "RecordsFailed": "Count",
    "RecordsReingested": "Count",
    "DroppedNotRemoval": "Count",
    "DroppedUserRemoval": "Count",
    "DroppedTtlRemoval": "Count",
    "ReingestLoops": "Count",
    "UnexpectedErrors": "Count",
    "BytesReceived": "Bytes",
    "BytesReturned": "Bytes",
    "Duration": "Milliseconds",
}


@dataclass(slots=True)
class BatchTally:
    """The counts of a batch's records. Received = delivered + dropped + failed + re-ingested."""

    received: int = 0
    delivered: int = 0
    reingested: int = 0
    bytes_received: int = 0
    bytes_returned: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # by rule
    failed: Counter[str] = field(default_factory=Counter)  # by code
    examples: list[dict[str, str]] = field(default_factory=list)
    reingest_errors: Counter[str] = field(default_factory=Counter)  # by the service's own error code
    started: float = field(default_factory=time.perf_counter)

    def fail(self, record_id: str, code: str, **more: str) -> None:
        """Count one record that goes to the error output prefix."""
        self.failed[code] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append({"recordId": record_id, "code": code, **more})

    def fail_by(self, record_id: str, error: Exception) -> None:
        """Count a record that could not become a row because of the error.

        The log has the type and place of an unexpected error, not its text, which may contain an item.
        """
        if isinstance(error, RecordError):
            self.fail(record_id, error.code)
        else:
            place = extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno} in {place.name}"
            self.fail(record_id, UNEXPECTED, error=type(error).__name__, where=where)

    def metrics(self) -> dict[str, float]:
        """Return the value of every metric."""
        values = (
            self.received,
            self.delivered,
            self.dropped.total(),
            self.failed.total(),
            self.reingested,
            self.dropped["not-a-removal"],
            self.dropped["user-removal"],
            self.dropped["ttl-removal"],
            self.failed[REINGEST_LOOP],
            self.failed[UNEXPECTED],
            self.bytes_received,
            self.bytes_returned,
            round((time.perf_counter() - self.started) * 1000, 3),
        )
        return dict(zip(_UNITS, values, strict=True))

    def log_line(self, table: str, event: dict[str, Any]) -> str:
        """Return the line: metrics at the root, as the format requires, and what helps to find a failure."""
        more = {
            "invocationId": event.get("invocationId"),
            "deliveryStreamArn": event.get("deliveryStreamArn"),
        }
        details = {
            "failedByCode": dict(self.failed),
            "failures": self.examples,
            "reingestErrors": dict(self.reingest_errors),
        }
        return emf_line(table, _UNITS, self.metrics(), more | non_empty(details))


def emf_line(
    table: str, units: Mapping[str, str], values: Mapping[str, float], more: Mapping[str, Any]
) -> str:
    """Return a line with these metrics, each in its unit, and with more members that are no metrics."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Table"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
    }
    emf = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": emf, "Table": table, **more, **values})


def non_empty(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that have something in them."""
    return {name: value for name, value in details.items() if value}
