"""What a query reads in Athena, and what it costs.

Athena bills the bytes that were read, rounded up to megabytes, and at least 10 MB for each query. Failed
queries and DDL are free, and a cancelled query pays for what it has read.
Source: infra/prices.toml, athena_tb.
"""

from dataclasses import dataclass
from decimal import Decimal

from ttl_archive.infra.prices import prices

_MB = 1024**2
_TB = 1024**4
_LEAST_MB = 10


@dataclass(frozen=True, slots=True)
class Scan:
    """Bytes that were read, and US dollars that they cost in us-east-1, before taxes and free tiers."""

    bytes: int
    usd: Decimal


def billed_scan(read_bytes: int, *, is_free: bool = False) -> Scan:
    """Return what a query that read so many bytes costs; `is_free` is for DDL and failed queries."""
    if is_free:
        return Scan(read_bytes, Decimal(0))
    megabytes = max(_LEAST_MB, -(-read_bytes // _MB))
    return Scan(read_bytes, prices()["athena_tb"] * megabytes * _MB / _TB)
