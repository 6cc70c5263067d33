"""In which order the parts of an archive are created and removed.

The guard comes first and the table last, so that a failed deployment changes or attaches nothing: Firehose
reads only what comes after it was created. On removal the Kinesis road is detached, and then its drain guard
is asked. The guard of the Streams road is asked first of all, because a deleted mapping loses its place.
Source: Firehose Developer Guide, writing with Kinesis Data Streams.
"""

from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnElement
from constructs import Construct

from ttl_archive.infra.glue_catalog import Catalog
from ttl_archive.infra.kinesis_road import KinesisRoad
from ttl_archive.infra.layout_guard import LayoutGuard
from ttl_archive.infra.source_table import SourceTable
from ttl_archive.infra.storage import ArchiveStorage
from ttl_archive.infra.streams_road.streams_road import StreamsRoad


@dataclass(frozen=True, slots=True)
class ArchiveParts:
    """The parts of an archive. `mapping` are the event source mapping and what is created after it.

    `between` are those that come after the guard and before the table, and that are no road.
    """

    guard: LayoutGuard
    storage: ArchiveStorage
    catalog: Catalog
    table: SourceTable
    kinesis: KinesisRoad | None
    streams: StreamsRoad | None
    mapping: tuple[Construct, ...]
    between: tuple[Construct, ...]

    @property
    def roads(self) -> list[KinesisRoad | StreamsRoad]:
        """The roads that are there."""
        return [road for road in (self.kinesis, self.streams) if road]


def order_parts(archive: Construct, parts: ArchiveParts) -> None:
    """Create the guards' resources, and let each part depend on those that must exist before it."""
    guard, between = parts.guard, parts.between
    stream = parts.kinesis.stream if parts.kinesis else None
    first = guard.compare(_guarded_resources(archive, parts), stream)
    for part in (*between, *parts.roads, parts.table):
        part.node.add_dependency(first)
    record = guard.record(parts.storage.bucket)
    buffering = [part for road in parts.roads for part in (road.function, road.delivery)]
    record.node.add_dependency(first, parts.catalog, *buffering)
    parts.table.node.add_dependency(record)
    # On removal a drain guard is asked before any of these is deleted.
    if parts.kinesis:
        drain = guard.protect(parts.kinesis.delivery.delivery_stream.ref, parts.kinesis.stream)
        drain.node.add_dependency(first, *between, *buffering)
        parts.table.node.add_dependency(drain)
    if parts.streams:
        delivery_stream = parts.streams.delivery.delivery_stream.ref
        last = guard.protect_forwarded(delivery_stream, parts.streams.function.function.function_name)
        # Also before the mapping, whose place in the table's stream would be lost with it.
        last.node.add_dependency(first, *between, *buffering, *parts.mapping)


def _guarded_resources(archive: Construct, parts: ArchiveParts) -> dict[str, CfnElement | None]:
    """Return the resources whose physical ids the guard looks up, those that the archive creates."""
    road = parts.kinesis or parts.streams
    return {
        "Bucket": _own(archive, parts.storage.bucket),
        "Database": parts.catalog.database,
        "DeliveryStream": road.delivery.delivery_stream if road else None,
        "Stream": _own(archive, parts.kinesis.stream) if parts.kinesis else None,
        "Table": parts.table.created,
    }


def _own(archive: Construct, part: Any) -> CfnElement | None:
    """Return the resource of a part that was created inside the archive; None for one that was given."""
    found = part.node.default_child
    return found if found is not None and archive.node.path in part.node.path else None
