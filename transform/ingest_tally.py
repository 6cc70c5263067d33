"""What became of a batch of messages: counts, and the log line, without any message's content."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from traceback import extract_tb
from typing import Any

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.metrics import EXAMPLES, UNEXPECTED, emf_line, non_empty

_UNITS = {
    "MessagesReceived": "Count",
    "MessagesStored": "Count",
    "MessagesRefused": "Count",
    "MessagesReturned": "Count",
    "ReadingsStored": "Count",
    "ReadingsSuperseded": "Count",
    "UnexpectedErrors": "Count",
    "Duration": "Milliseconds",
}


@dataclass(slots=True)
class IngestTally:
    """The counts of a batch. Received = stored + refused (to the dead-letter queue) + returned."""

    received: int = 0
    stored: int = 0
    refused: int = 0
    returned: int = 0
    readings_stored: int = 0
    readings_superseded: int = 0
    codes: Counter[str] = field(default_factory=Counter)  # readings and messages that were not stored
    examples: list[dict[str, str]] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def fail(self, message_id: str, code: str, **more: str) -> None:
        """Count a message, or a reading of it, that was not stored."""
        self.codes[code] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append({"messageId": message_id, "code": code, **more})

    def fail_by(self, message_id: str, error: Exception) -> str:
        """Count what an error prevented, and return its code. An unexpected error is logged by its source."""
        if isinstance(error, RecordError):
            self.fail(message_id, error.code)
            return error.code
        place = extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno} in {place.name}"
        self.fail(message_id, UNEXPECTED, error=type(error).__name__, where=where)
        return UNEXPECTED

    def metrics(self) -> dict[str, float]:
        """Return the value of every metric."""
        values = (
            self.received,
            self.stored,
            self.refused,
            self.returned,
            self.readings_stored,
            self.readings_superseded,
            self.codes[UNEXPECTED],
            round((time.perf_counter() - self.started) * 1000, 3),
        )
        return dict(zip(_UNITS, values, strict=True))

    def log_line(self, table: str, context: Any) -> str:
        """Return the line: metrics at the root, and what helps to find a failure."""
        more = {"requestId": getattr(context, "aws_request_id", None)}
        details = {"failedByCode": dict(self.codes), "failures": self.examples}
        return emf_line(table, _UNITS, self.metrics(), more | non_empty(details))
