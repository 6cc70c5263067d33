"""What the archive costs by part, at the list prices of prices.toml, from what was counted.

Storage and the data stream are for a month; what flows is for the period. A part without a count, or without
a price, says so. The arithmetic is that of infra/costs.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ttl_archive.infra import costs
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.report.counted import NotCounted
from ttl_archive.infra.report.function_counts import FunctionCounts
from ttl_archive.infra.report.object_counts import IN_FOLDER, ArchivedObjects, ObjectCount

# Storage class -> the names of the prices of a month and of a move. GLACIER_IR has none in prices.toml.
_COLD = {
    "GLACIER": ("glacier_gb_month", "glacier_transition_1000"),
    "DEEP_ARCHIVE": ("deep_archive_gb_month", "deep_archive_transition_1000"),
}
_NEVER_MOVED = ("STANDARD", IN_FOLDER)
_NOTHING_WRITTEN = costs.BufferedObjects(0, 0)
_KINESIS = "DynamoDB's changes, data stream and Firehose"


@dataclass(frozen=True, slots=True)
class CostPart:
    """A part of the bill, and its US dollars."""

    part: str
    usd: Decimal | NotCounted


def storage_costs(price: Mapping[str, Decimal], objects: ArchivedObjects | NotCounted) -> Iterator[CostPart]:
    """Yield a month of each storage class, and the requests that wrote and moved the period's objects."""
    if isinstance(objects, NotCounted):
        yield CostPart("S3", objects)
        return
    for name, count in objects.of_archive.items():
        yield CostPart(f"S3, a month of what is in {name}", _month(price, name, count))
    thousands = Decimal(objects.period_total.objects) / 1000
    yield CostPart("S3, objects written in the period", thousands * price["s3_put_1000"])
    for name, count in objects.of_period.items():
        if name not in _NEVER_MOVED:
            yield CostPart(f"S3, objects of the period moved to {name}", _move(price, name, count))


def _month(price: Mapping[str, Decimal], storage_class: str, count: ObjectCount) -> Decimal | NotCounted:
    if storage_class == "STANDARD":
        return costs.standard_month(price, count.objects, count.bytes)
    if storage_class in _COLD:
        return costs.glacier_month(price, count.objects, count.bytes, _COLD[storage_class][0])
    return NotCounted(f"prices.toml has no price for {storage_class}")


def _move(price: Mapping[str, Decimal], storage_class: str, count: ObjectCount) -> Decimal | NotCounted:
    if storage_class in _COLD:
        return Decimal(count.objects) / 1000 * price[_COLD[storage_class][1]]
    return NotCounted(f"prices.toml has no price for a move to {storage_class}")


def flow_costs(
    price: Mapping[str, Decimal], counts: FunctionCounts | NotCounted, deploy: Deploy
) -> Iterator[CostPart]:
    """Yield what the records of the period cost on each road."""
    if deploy.streams_road:
        yield CostPart("Firehose of the Streams road", _streams_usd(price, counts))
    if deploy.source == "kinesis":
        yield from _kinesis_parts(price, counts, deploy)
    elif deploy.kinesis_road:
        reason = 'with [deploy] source = "both", the sum of RecordsReceived is of both roads'
        yield CostPart(f"{_KINESIS} of the Kinesis road", NotCounted(reason))


def _streams_usd(price: Mapping[str, Decimal], counts: FunctionCounts | NotCounted) -> Decimal | NotCounted:
    """Return what Firehose bills; Lambda reads the table's stream for free, see costs.streams_road_cost."""
    if isinstance(counts, NotCounted):
        return counts
    billed = counts.sums.get("BytesBilled")
    if billed is None:
        return NotCounted(f"{counts.source} has no sum of BytesBilled")
    return Decimal(billed) / costs.GIB * price["firehose_gb"]


def _kinesis_parts(
    price: Mapping[str, Decimal], counts: FunctionCounts | NotCounted, deploy: Deploy
) -> Iterator[CostPart]:
    if isinstance(counts, NotCounted):
        yield CostPart(_KINESIS, counts)
        return
    records, size = (counts.sums.get(name) for name in ("RecordsReceived", "BytesReceived"))
    if records is None or size is None:
        missing = NotCounted(f"{counts.source} has no sum of RecordsReceived and BytesReceived")
        yield CostPart(_KINESIS, missing)
        return
    volume = costs.Volume(records, size // max(1, records), 0, 0.0)
    stream = costs.on_demand_stream if deploy.stream_mode == "on-demand" else costs.provisioned_stream
    month = stream(price, volume, deploy.stream_retention_days)
    road = costs.kinesis_road_cost(price, volume, _NOTHING_WRITTEN, month)
    for part, usd in road.parts.items():
        if not part.startswith("S3"):
            yield CostPart(f"{part}, {deploy.stream_mode}, a month" if part == "data stream" else part, usd)


def total_usd(parts: list[CostPart]) -> Decimal | NotCounted:
    """Return the sum, or the reason why there is none: a sum without one of its parts would be too small."""
    missing = [each.part for each in parts if isinstance(each.usd, NotCounted)]
    if missing:
        return NotCounted(f"there is no number for: {'; '.join(missing)}")
    return sum((each.usd for each in parts if isinstance(each.usd, Decimal)), Decimal(0))
