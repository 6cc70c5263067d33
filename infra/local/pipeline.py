"""The whole pipeline on one machine: what `with Pipeline(...)` starts, runs and closes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyRelation

from ttl_archive.infra.local.dynamodb.change_record import Precision
from ttl_archive.infra.local.dynamodb.swept_table import SweptTable
from ttl_archive.infra.local.dynamodb.ttl import AttributeValues
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.delivery_stream import DeliveryCounts
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.infra.local.local_archive import LocalArchive
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.resources import NAME, Buffering, lifecycle_configuration
from ttl_archive.infra.local.roads.local_kinesis_road import TRANSFORM, KinesisOptions, LocalKinesisRoad
from ttl_archive.infra.local.roads.local_streams_road import LocalStreamsRoad, StreamsOptions
from ttl_archive.infra.local.roads.road import LocalFunction, Road, RoadName
from ttl_archive.infra.local.roads.usage import RoadUsage, road_usage
from ttl_archive.infra.local.s3.lifecycle import Transition, apply_lifecycle
from ttl_archive.infra.local.services import LocalServices
from ttl_archive.infra.local.started_parts import StartedParts
from ttl_archive.infra.query.engine import open_engine
from ttl_archive.transform.settings import CONFIG_VARIABLE, Settings, load


@dataclass(frozen=True)
class ChangeLedger:
    """What became of every change: `changes` counts them by kind, as the table had them; `replicated` are
    those that reached the stream behind it; `firehose` says what became of the delivery stream's records."""

    changes: Mapping[str, int]
    replicated: int
    firehose: DeliveryCounts


class Pipeline(StartedParts):
    """Table, road, bucket and SQL for one archive.toml.

        with Pipeline("archive.toml", keys={"deviceID": "S"}) as pipeline:
            pipeline.dynamodb.put_item(TableName=pipeline.table, Item=...)
            pipeline.clock.advance(days=365)
            pipeline.sweep()                       # DynamoDB's TTL process
            pipeline.run()                         # replicates changes; delivers what is due
            pipeline.flush()                       # delivers everything
            pipeline.sql("SELECT count(*) FROM archive").fetchall()

    `settings` is a file, or what was loaded from one. `keys` are the table's key attributes and their types.
    `road` is how changes reach the bucket; `attach` adds the other road, `detach` ends one.
    `precision` None enables the streaming destination without one. `max_record_kib` is the largest record of
    the data stream, by default the one that the stack deploys. `streaming=False` leaves the table without its
    road until enable_streaming(), like a table that existed before. `streams` are options of that road.
    Everything is a real API call: boto3 to the emulator, and the handler in AWS's own runtime client.

    A change and its arrival in the data stream have the time at which they happened: see LocalServices.
    """

    def __init__(
        self,
        settings: Settings | str | Path,
        *,
        road: RoadName = "kinesis",
        keys: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        precision: Precision | None = "MICROSECOND",
        max_record_kib: int | None = None,
        buffering: Buffering | None = None,
        shards: int = 1,
        streaming: bool = True,
        glacier_after_days: int = 30,
        handler: str = TRANSFORM,
        task_root: Path | None = None,
        streams: StreamsOptions | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings if isinstance(settings, Settings) else load(settings)
        self.clock = clock or Clock()
        self.table = self.settings.table.name
        self.bucket = NAME
        self._keys = keys or {"pk": "S"}
        self._kinesis_options = KinesisOptions(precision, max_record_kib, shards, handler, task_root)
        self._streams_options = streams or StreamsOptions()
        self._buffering = buffering or Buffering()
        self._streaming = streaming
        self._glacier_after_days = glacier_after_days
        self._first_road: RoadName = road
        self.roads: dict[RoadName, Road] = {}

    def environment(self) -> dict[str, str]:
        """Return the variables that another process needs to use this pipeline, every service of it."""
        return {
            **self._services.environment(),
            "AWS_ENDPOINT_URL_S3": self.s3_proxy.url,
            CONFIG_VARIABLE: str(Path(self.settings.file).absolute()),
        }

    @property
    def firehose(self) -> Firehose:
        """The Firehose, which restart_firehose replaces."""
        return self._services.firehose

    @property
    def road(self) -> Road:
        """The road that the pipeline was started with."""
        return self.roads[self._first_road]

    @property
    def function(self) -> LocalFunction:
        """The function of the first road."""
        return self.road.function

    def enable_streaming(self) -> None:
        """Take in the table's changes from now on; earlier ones are never replicated (DDB: kds)."""
        self.road.attach()

    def attach(self, road: RoadName) -> None:
        """Add a road, which takes in the table's changes from now on."""
        self._add(road)
        self.roads[road].create()
        self.roads[road].attach()

    def detach(self, road: RoadName) -> None:
        """End a road; what it has taken in is delivered."""
        self.roads[road].detach()

    def sweep(self) -> list[AttributeValues]:
        """Remove what has expired, as DynamoDB's TTL process does, and return the keys of what it removed."""
        return self._swept_table.sweep()

    def run(self) -> int:
        """Do all that the roads and Firehose have to do now, and return how much moved."""
        moved = 0
        while step := sum(road.run() for road in self.roads.values()) + self.firehose.poll():
            moved += step
        return moved

    def flush(self) -> None:
        """Take in changes and deliver everything, whatever windows and buffering hints say."""
        self.run()
        for road in self.roads.values():
            road.flush()
        self.firehose.flush()

    def apply_lifecycle(self) -> list[Transition]:
        """Move what is old enough by the clock to GLACIER, and return what was moved.

        S3 itself does this, so the move does not go through the proxy, which keeps the objects' age.
        """
        return apply_lifecycle(
            self.emulator.client("s3"),
            self.bucket,
            self.clock,
            configuration=lifecycle_configuration(self.settings, self._glacier_after_days),
            created=lambda key: self.s3_proxy.created(self.bucket, key),
        )

    def restart_firehose(self) -> None:
        """Replace Firehose as after a crash: its buffers are lost, and it reads on after what was stored.

        The counts of Firehose in the ledger begin again. What was put directly, as on the Streams road, is
        lost with the buffers: the service in AWS does not crash like that.
        """
        self._services.restart_firehose()
        for road in self.roads.values():
            road.create_delivery_stream()

    def restart_function(self) -> None:
        """Restart the functions' processes, as a deployment does: they read code and archive.toml again."""
        self.settings = load(self.settings.file)
        for road in self.roads.values():
            road.function.restart()
        self._archive.use(self.settings)

    def sql(self, query: str) -> DuckDBPyRelation:
        """Return the answer to a query over the relations of `infra/sql`, as a DuckDB relation.

        `.columns` are its names, `.fetchall()` its rows. Objects in GLACIER are not in it: see `unseen`.
        Raises duckdb.Error for SQL that DuckDB refuses.
        """
        return self._archive.sql(query)

    def unseen(self) -> tuple[str, ...]:
        """Return the keys of delivered objects that no answer contains, because they are in GLACIER."""
        return self._archive.unseen()

    def saved_query(self, name: str, *parameters: str) -> list[tuple[Any, ...]]:
        """Return the rows of a saved query, such as `misfits`. Raises KeyError for an unknown name."""
        return self._archive.saved_query(name, *parameters)

    def ledger(self) -> ChangeLedger:
        """Return what became of every change so far on the first road."""
        counts = self.firehose.counts(self.road.delivery_stream)
        return ChangeLedger(self.road.changes, self.road.replicated, counts)

    def usage(self) -> RoadUsage:
        """Return what AWS would bill for the first road so far."""
        ((rows,),) = self.sql("SELECT count(*) FROM archive").fetchall()
        return road_usage(self.road, rows, self.firehose.record_sizes(self.road.delivery_stream))

    def objects(self, under: str = "") -> dict[str, bytes]:
        """Return the bodies of the bucket's readable objects under a prefix, by key."""
        return self._archive.objects(under)

    def _start(self) -> None:
        # The processes start at the same time; the first request waits for the emulator.
        self._services = self._open.enter_context(LocalServices(clock=self.clock))
        self.emulator, self.s3_proxy = self._services.emulator, self._services.s3_proxy
        self.s3, self.dynamodb = self._services.s3, self._services.dynamodb
        self.kinesis, self.destinations = self._services.kinesis, self._services.destinations
        self._add(self._first_road)
        connection = self._open.enter_context(open_engine(local_access(self.s3_proxy.url)))
        self._archive = LocalArchive(self.s3, self.bucket, connection, self.settings)
        self.emulator.wait_ready()
        self._create_resources()
        self.road.create()
        if self._streaming:
            self.enable_streaming()

    def _add(self, road: RoadName) -> None:
        parts = self._services, self.settings, self.environment(), self._buffering
        added: Road
        if road == "kinesis":
            added = LocalKinesisRoad(*parts, self._kinesis_options)
        else:
            added = LocalStreamsRoad(*parts, self._streams_options)
        self._open.enter_context(added)
        self.roads[road] = added

    def _create_resources(self) -> None:
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_lifecycle_configuration(
            Bucket=self.bucket, **lifecycle_configuration(self.settings, self._glacier_after_days)
        )
        self._swept_table = SweptTable(
            dynamodb=self.dynamodb,
            cloudwatch=self.emulator.client("cloudwatch"),
            name=self.table,
            ttl_attribute=self.settings.table.ttl_attribute,
            clock=self.clock,
            roads=self.roads,
        )
        self._swept_table.create(self._keys)
