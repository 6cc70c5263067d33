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
from ttl_archive.infra.report.object_counts import ArchivedObjects, ObjectCount

_MONTHS = {"STANDARD": costs.standard_month, "GLACIER": costs.glacier_month}
_NOTHING_WRITTEN = costs.BufferedObjects(0, 0)


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
        month = _MONTHS.get(name)
        unknown = NotCounted(f"prices.toml has no price for {name}")
        usd = month(price, count.objects, count.bytes) if month else unknown
        yield CostPart(f"S3, a month of what is in {name}", usd)
    thousands = Decimal(objects.period_total.objects) / 1000
    yield CostPart("S3, objects written in the period", thousands * price["s3_put_1000"])
    moved = Decimal(objects.of_period.get("GLACIER", ObjectCount()).objects) / 1000
    yield CostPart("S3, objects of the period moved to GLACIER", moved * price["glacier_transition_1000"])


def flow_costs(
    price: Mapping[str, Decimal], counts: FunctionCounts | NotCounted, deploy: Deploy
) -> Iterator[CostPart]:
    """Yield what the records of the period cost on the road over a data stream."""
    if deploy.source != "kinesis":
        # The forwarder packs rows, and the sums do not say how; with both roads they are of both.
        reason = f'[deploy] source is "{deploy.source}": the sums do not say what each road sent to Firehose'
        yield CostPart("Changes and Firehose", NotCounted(reason))
        return
    if isinstance(counts, NotCounted):
        yield CostPart("DynamoDB's changes, data stream and Firehose", counts)
        return
    records, size = (counts.sums.get(name) for name in ("RecordsReceived", "BytesReceived"))
    if records is None or size is None:
        missing = NotCounted(f"{counts.source} has no sum of RecordsReceived and BytesReceived")
        yield CostPart("DynamoDB's changes, data stream and Firehose", missing)
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
