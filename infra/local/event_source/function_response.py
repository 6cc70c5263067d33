"""What the response of a function means to a mapping: success, or the first record that failed.

- Without ReportBatchItemFailures in FunctionResponseTypes every response is a success.
- null, "", [], {} and a batchItemFailures that is empty or null are successes (LS-esm).
- Identifiers of the batch: the records before the first of them succeeded.
- An identifier that is empty, null, under another name or not in the batch: the batch failed (LS-esm).
- Anything else, such as BatchItemFailures in capitals: UNVERIFIED, an option decides. The page says that all
  other results are failures, and its own sample in Go has that key.

Source: LDG, services-ddb-batchfailurereporting.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

_LIST, _IDENTIFIER = "batchItemFailures", "itemIdentifier"

UnknownResponse = Literal["success", "failure"]


@dataclass(frozen=True)
class Failure:
    """A batch failed, as a whole or from the record at a reported position on; those before it succeeded.

    `error` is Lambda's functionError: "Unhandled" after an exception or a timeout.
    """

    first: int = 0
    is_reported: bool = False
    error: str | None = None


def interpret_response(
    body: bytes,
    sequence_numbers: Sequence[str],
    *,
    reports_failures: bool,
    unknown_response: UnknownResponse = "failure",
) -> Failure | None:
    """Return how the batch failed, or None for success.

    `sequence_numbers` are those of the batch, in order.
    """
    if not reports_failures:
        return None
    response = _decoded(body)
    if not response:
        return None
    if not isinstance(response, dict) or _LIST not in response:
        return Failure() if unknown_response == "failure" else None
    failures = response[_LIST]
    if not failures:
        return None
    positions = {number: at for at, number in enumerate(sequence_numbers)}
    try:
        first = min(positions[each[_IDENTIFIER]] for each in failures)
    except (KeyError, TypeError):
        return Failure()
    return Failure(first, is_reported=True)


def _decoded(body: bytes) -> Any:
    """Return the response; one that is no JSON means what an empty one means."""
    try:
        return json.loads(body or b"null")
    except ValueError:
        return None
