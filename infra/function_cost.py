"""What the functions cost in a month: CPU time that was measured, at the prices of Lambda.

`make bench` measured the transform in the Lambda runtime client, with items of 1,000 bytes and JSON lines
with the image. Lambda was not measured: its processors may be slower or faster. Below 1,769 MB the billed
time grows as the memory shrinks, so the cost does not depend on `[deploy] memory_mb`.
Source: tests/bench/results.json, iot1k:1 and iot1k:0.05; Lambda Developer Guide, configuration-memory.
"""

import math
from collections.abc import Mapping
from decimal import Decimal

# CPU seconds of one TTL removal, and of a change that is dropped.
ROW_CPU_S, DROPPED_CPU_S = Decimal("0.0000192"), Decimal("0.0000060")
MEASURED_ON = "2026-11-24"
# The change record of such an item; a larger record counts in proportion.
_MEASURED_RECORD_BYTES = 1450
_MB_FOR_ONE_CPU = 1769
FUNCTION = "Lambda, the function"


def function_cost(
    price: Mapping[str, Decimal], *, rows: int, dropped: int, record_bytes: int, requests: int
) -> Decimal:
    """Return what a month costs with this many rows, dropped changes and requests of the function."""
    scale = max(Decimal(1), Decimal(record_bytes) / _MEASURED_RECORD_BYTES)
    cpu_s = (rows * ROW_CPU_S + dropped * DROPPED_CPU_S) * scale
    gb_s = cpu_s * _MB_FOR_ONE_CPU / 1024
    return gb_s * price["lambda_gb_s"] + Decimal(requests) / 1_000_000 * price["lambda_request_million"]


def transform_requests(changes: int, record_bytes: int, *, buffer_mb: int, buffer_s: int, hours: int) -> int:
    """Return how often Firehose invokes the transform: when its buffer is full, or its time is up."""
    by_size = math.ceil(changes * record_bytes / (buffer_mb * 1024**2))
    return min(changes, max(by_size, hours * 3600 // max(1, buffer_s)))


def function_assumption() -> str:
    """Return what the cost of the function rests on, as a sentence."""
    row, dropped = (f"{seconds * 1_000_000:.1f}" for seconds in (ROW_CPU_S, DROPPED_CPU_S))
    return (
        f"The function is assumed to take {row} µs of CPU for a row and {dropped} µs for a dropped change "
        f"of an item of 1,000 bytes: measured by make bench on {MEASURED_ON}, not in Lambda."
    )
