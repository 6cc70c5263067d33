"""What AWS would bill for a road, counted where the records pass: records, bytes and requests, not money.

item                  counted from                                     billed
change_units          records that the data stream confirmed           each in units of 1 KB
stream_in_bytes       the same                                         on demand: each rounded up to 1 KB
stream_out_bytes      the same: Firehose reads each once               on demand: as they are
stream_put_units      the same                                         provisioned: each in units of 25 KB
firehose_in_bytes     records that the delivery stream read            each rounded up to 5 KB
lambda_requests       invocations of the function                      each

GetRecords of an event source mapping is free (DDB: costoptimization). The duration of the function is not in
it: this machine says nothing about that.
Source: infra/costs.py and prices.toml for the units; KDS, on-demand mode, for what is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ttl_archive.infra.costs import (
    CHANGE_UNIT_BYTES,
    FIREHOSE_UNIT_BYTES,
    PUT_UNIT_BYTES,
    STREAM_UNIT_BYTES,
)
from ttl_archive.infra.local.roads.road import Road

Sizes = Mapping[int, int]  # how many records have a size in bytes


@dataclass(frozen=True, slots=True)
class RoadUsage:
    """The usage of a road for all changes of a table."""

    changes: int
    rows: int
    change_units: int
    stream_in_bytes: int
    stream_out_bytes: int
    stream_put_units: int
    firehose_records: int
    firehose_in_bytes: int
    lambda_requests: int

    def by_item(self) -> dict[str, tuple[int, float | None]]:
        """Return each billed item with its total and its share of one row; None without rows."""
        totals: dict[str, int] = {
            name: total for name, total in asdict(self).items() if name not in ("changes", "rows")
        }
        return {name: (total, total / self.rows if self.rows else None) for name, total in totals.items()}


def road_usage(road: Road, rows: int, read_by_firehose: Sizes) -> RoadUsage:
    """Return the usage of a road, from its counters and the sizes of the records that Firehose read."""
    put_into_stream = road.put_sizes
    return RoadUsage(
        changes=sum(road.changes.values()),
        rows=rows,
        change_units=_units(put_into_stream, CHANGE_UNIT_BYTES),
        stream_in_bytes=_units(put_into_stream, STREAM_UNIT_BYTES) * STREAM_UNIT_BYTES,
        stream_out_bytes=sum(size * count for size, count in put_into_stream.items()),
        stream_put_units=_units(put_into_stream, PUT_UNIT_BYTES),
        firehose_records=sum(read_by_firehose.values()),
        firehose_in_bytes=_units(read_by_firehose, FIREHOSE_UNIT_BYTES) * FIREHOSE_UNIT_BYTES,
        lambda_requests=road.invocations,
    )


def _units(sizes: Sizes, unit_bytes: int) -> int:
    """Return the units of all records. A record without bytes counts as one."""
    return sum(count * max(1, math.ceil(size / unit_bytes)) for size, count in sizes.items())
