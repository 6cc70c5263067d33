"""What an archive costs in a month, from the number and the size of its changes, with prices of prices.toml.

The arithmetic of the commands that estimate costs. Every figure is a list price of us-east-1 without free
tiers. The functions are in function_cost.py, and road_costs.py adds them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

HOURS = 730  # of a month, as AWS's price calculator has it
DAYS = Decimal(30)  # of a month
# Prices for a GB are of 1024³ bytes, as AWS's price calculator has it.
GIB = 1024**3
# Each record counts as a multiple of these; prices.toml has the sources of the prices.
CHANGE_UNIT_BYTES, STREAM_UNIT_BYTES, PUT_UNIT_BYTES, FIREHOSE_UNIT_BYTES = 1024, 1024, 25 * 1024, 5 * 1024
# A shard takes 1,000 records or 1 MiB a second. Source: KDS, service limits.
SHARD_RECORDS_S, SHARD_BYTES_S = 1000, 1024**2
# Shards are sized for this multiple of the average rate.
PEAK_FACTOR = 4
# S3 moves no smaller object by default. Source: S3U, lifecycle transitions.
LEAST_MOVED_BYTES = 128 * 1024
# Billed beside an object in GLACIER. Source: S3U, lifecycle transitions.
_STANDARD_OVERHEAD_BYTES, _GLACIER_OVERHEAD_BYTES = 8 * 1024, 32 * 1024
# The forwarder packs rows into records of up to this size. Source: Firehose Developer Guide, limits.
_PACKED_BYTES = 1_000_000
# An event source mapping invokes for each shard of the table's stream, as often as its window is long; see
# infra/stream_mapping.py. The number of shards is not documented: this many is an assumption for a table.
_STREAM_SHARDS, _WINDOW_S = 4, 60

_WRITTEN = "S3, objects written and moved"


@dataclass(frozen=True, slots=True)
class Volume:
    """A month of a table: its changes with their size, and the rows of what expires, in bytes."""

    changes: int
    record_bytes: int
    rows: int
    stored_row_bytes: float  # of one row, as it is stored: compressed


@dataclass(frozen=True, slots=True)
class BufferedObjects:
    """The objects that Firehose delivers in a month, and the size of each."""

    count: int
    size_bytes: int

    @property
    def are_moved(self) -> bool:
        """Whether the lifecycle rule moves objects of this size to GLACIER."""
        return self.size_bytes >= LEAST_MOVED_BYTES


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """US dollars a month by purpose. `stored` is the storage of the rows of a year, in its last month."""

    parts: Mapping[str, Decimal] = field(default_factory=dict)
    stored: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """The sum of the parts, and of the storage."""
        return sum(self.parts.values(), self.stored)

    def plus(self, parts: Mapping[str, Decimal]) -> "MonthlyCost":
        """Return the cost with more parts."""
        return MonthlyCost({**self.parts, **parts}, self.stored)


def delivered_objects(volume: Volume, *, row_bytes: float, buffer_mb: int, buffer_s: int) -> BufferedObjects:
    """Return how many objects the rows become: one when the buffer is full, or its time is up.

    `row_bytes` is the size of a row before compression, which is what the buffer counts (FDG, buffering).
    At most one object for each row.
    """
    if not volume.rows:
        return BufferedObjects(0, 0)
    by_size = math.ceil(volume.rows * row_bytes / (buffer_mb * 1024**2))
    by_time = math.ceil(HOURS * 3600 / max(1, buffer_s))
    count = min(volume.rows, max(by_size, by_time))
    return BufferedObjects(count, int(volume.rows * volume.stored_row_bytes / count))


def shards_needed(volume: Volume) -> int:
    """Return the provisioned shards for PEAK_FACTOR times the average rate."""
    seconds = HOURS * 3600
    records = PEAK_FACTOR * volume.changes / seconds / SHARD_RECORDS_S
    size = PEAK_FACTOR * volume.changes * volume.record_bytes / seconds / SHARD_BYTES_S
    return max(1, math.ceil(records), math.ceil(size))


def on_demand_stream(price: Mapping[str, Decimal], volume: Volume, retention_days: int) -> Decimal:
    """Return a month of a data stream on demand; the first day of retention is in its price."""
    gb = _rounded_gb(volume.changes, volume.record_bytes, STREAM_UNIT_BYTES)
    kept = Decimal(max(0, retention_days - 1)) / DAYS
    return (
        price["kinesis_on_demand_stream_hour"] * HOURS
        + gb * price["kinesis_on_demand_in_gb"]
        + gb * kept * price["kinesis_on_demand_retention_gb_month"]
    )


def provisioned_stream(price: Mapping[str, Decimal], volume: Volume, retention_days: int) -> Decimal:
    """Return a month of a data stream with the shards that the volume needs."""
    hourly = price["kinesis_shard_hour"]
    if retention_days > 1:
        hourly += price["kinesis_shard_retention_hour"]
    units = volume.changes * math.ceil(max(1, volume.record_bytes) / PUT_UNIT_BYTES)
    return shards_needed(volume) * hourly * HOURS + _millions(units) * price["kinesis_put_unit_million"]


def kinesis_road_cost(
    price: Mapping[str, Decimal], volume: Volume, objects: BufferedObjects, stream: Decimal
) -> MonthlyCost:
    """Return what the road over a data stream costs in a month; `stream` is the stream's own cost."""
    units = volume.changes * math.ceil(max(1, volume.record_bytes) / CHANGE_UNIT_BYTES)
    firehose_gb = _rounded_gb(volume.changes, volume.record_bytes, FIREHOSE_UNIT_BYTES)
    return MonthlyCost(
        {
            "DynamoDB, changes to the data stream": _millions(units)
            * price["dynamodb_change_capture_million"],
            "data stream": stream,
            "Firehose": firehose_gb * price["firehose_gb"],
            _WRITTEN: written_and_moved(price, objects),
        },
        year_of_storage(price, objects),
    )


def streams_road_cost(
    price: Mapping[str, Decimal], volume: Volume, objects: BufferedObjects, row_bytes: float
) -> MonthlyCost:
    """Return what the road over DynamoDB Streams costs in a month; `row_bytes` is a row before compression.

    Lambda's reads of the stream are free, and events that the filter leaves out are not charged. A Firehose
    record has many rows, so that the rounding to 5 KB counts once for each record and not for each row.
    Source: DynamoDB Developer Guide, costoptimization; AWS Lambda Developer Guide, invocation-eventfiltering.
    """
    total = volume.rows * row_bytes
    records = forwarded_batches(volume) + math.ceil(total / _PACKED_BYTES)
    billed = Decimal(total) + records * FIREHOSE_UNIT_BYTES
    return MonthlyCost(
        {"Firehose": billed / GIB * price["firehose_gb"], _WRITTEN: written_and_moved(price, objects)},
        year_of_storage(price, objects),
    )


def forwarded_batches(volume: Volume) -> int:
    """Return how often the forwarder is invoked: once in each window of each shard, at most for each row."""
    return min(volume.rows, _STREAM_SHARDS * HOURS * 3600 // _WINDOW_S)


def written_and_moved(price: Mapping[str, Decimal], objects: BufferedObjects) -> Decimal:
    """Return what it costs to write the objects of a month, and to move them to GLACIER."""
    moved = price["glacier_transition_1000"] if objects.are_moved else Decimal(0)
    return Decimal(objects.count) / 1000 * (price["s3_put_1000"] + moved)


def year_of_storage(price: Mapping[str, Decimal], objects: BufferedObjects) -> Decimal:
    """Return what the objects of twelve months cost in a month, in GLACIER with its overhead, or not."""
    count, size = 12 * objects.count, 12 * objects.count * objects.size_bytes
    month = glacier_month if objects.are_moved else standard_month
    return month(price, count, size)


def standard_month(price: Mapping[str, Decimal], objects: int, size_bytes: int) -> Decimal:  # noqa: ARG001  as glacier_month
    """Return what these objects, of so many bytes together, cost in a month in STANDARD."""
    return Decimal(size_bytes) / GIB * price["s3_standard_gb_month"]


def glacier_month(
    price: Mapping[str, Decimal], objects: int, size_bytes: int, gb_month: str = "glacier_gb_month"
) -> Decimal:
    """Return what these objects cost in a month in GLACIER, with the bytes that are billed beside each.

    `gb_month` names the price of another class with the same overhead.
    """
    in_glacier = Decimal(size_bytes + objects * _GLACIER_OVERHEAD_BYTES) / GIB
    in_standard = Decimal(objects * _STANDARD_OVERHEAD_BYTES) / GIB
    return in_glacier * price[gb_month] + in_standard * price["s3_standard_gb_month"]


def _rounded_gb(records: int, record_bytes: int, unit_bytes: int) -> Decimal:
    units = math.ceil(max(1, record_bytes) / unit_bytes)
    return Decimal(records) * units * unit_bytes / GIB


def _millions(units: int) -> Decimal:
    return Decimal(units) / 1_000_000
