"""Writes items to the table while there is time, and says of each what became of it.

BatchWriteItem takes 25 items, and returns those that it did not process. It refuses all of them when one is
illegal: too large, nested too deep, a number beyond 38 digits. So a refused batch is halved until the illegal
item is alone: DynamoDB's rules are DynamoDB's own. Source: DynamoDB API Reference, BatchWriteItem.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from ttl_archive.transform.ingest_duplicates import key_value
from ttl_archive.transform.ingest_item import Item, StampedItem
from ttl_archive.transform.reingest import LEAST_TIME_LEFT_S, NO_TIME_LEFT, TimeLeft

CALL_ITEMS = 25  # Source: DynamoDB API Reference, BatchWriteItem
REFUSED = "RefusedByDynamoDB"
UNPROCESSED = "Unprocessed"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_ILLEGAL = "ValidationException"
# Errors of a whole call after which nothing was processed, and a retry may succeed.
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
    }
)


def write_stamped_items(
    client: Any,
    table: str,
    items: Sequence[StampedItem],
    time_left: TimeLeft,
    pause: Callable[[float], None] = time.sleep,
) -> list[str | None]:
    """Write items of different keys. Return None for each that was written, else why it was not.

    RefusedByDynamoDB is final. Every other code means that a later attempt may succeed.
    """
    codes: list[str | None] = [NO_TIME_LEFT] * len(items)
    waiting = [list(range(at, min(at + CALL_ITEMS, len(items)))) for at in range(0, len(items), CALL_ITEMS)]
    attempt = 0
    while waiting and time_left() >= LEAST_TIME_LEFT_S:
        call = waiting.pop(0)
        found, halves = _attempt(client, table, items, call)
        for position, code in zip(call, found, strict=True):
            codes[position] = code
        waiting = halves + waiting
        left = [position for position, code in zip(call, found, strict=True) if code == UNPROCESSED]
        if left:
            waiting.append(left)
            pause(_jittered(attempt, time_left()))
        attempt = attempt + 1 if left else 0
    return codes


def _attempt(
    client: Any, table: str, items: Sequence[StampedItem], call: list[int]
) -> tuple[list[str | None], list[list[int]]]:
    """Make one call. Return each item's code, and the calls to make instead of it."""
    from botocore import exceptions as botocore

    requests = [{"PutRequest": {"Item": items[position].item}} for position in call]
    try:
        answer = client.batch_write_item(RequestItems={table: requests})
    except botocore.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == _ILLEGAL:
            return _halved(call)
        return [UNPROCESSED if code in _TRANSIENT or status >= 500 else code] * len(call), []
    except (botocore.ConnectionError, botocore.HTTPClientError):
        return [UNPROCESSED] * len(call), []  # it may have been written, and is written again
    unprocessed = [each["PutRequest"]["Item"] for each in answer.get("UnprocessedItems", {}).get(table, ())]
    return _unprocessed(items, call, unprocessed), []


def _halved(call: list[int]) -> tuple[list[str | None], list[list[int]]]:
    if len(call) == 1:
        return [REFUSED], []
    middle = len(call) // 2
    return [NO_TIME_LEFT] * len(call), [call[:middle], call[middle:]]


def _unprocessed(
    items: Sequence[StampedItem], call: list[int], unprocessed: Sequence[Item]
) -> list[str | None]:
    """Return the code of each item of a call, of which DynamoDB returned these."""
    keys = {key_value({name: item[name] for name in items[call[0]].key}) for item in unprocessed}
    codes = [UNPROCESSED if key_value(items[position].key) in keys else None for position in call]
    # Should a returned item not be found among those sent, none of them counts as written.
    return codes if sum(map(bool, codes)) == len(unprocessed) else [UNPROCESSED] * len(call)


def _jittered(attempt: int, time_left_s: float) -> float:
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(attempt, 10))
    pause = random.uniform(0, longest)  # noqa: S311  spreads retries; it protects nothing
    return min(pause, max(0.0, time_left_s - LEAST_TIME_LEFT_S))
