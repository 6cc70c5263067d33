"""Backfill of a large export: a Distributed Map over its data files, and the function it calls.

Input of an execution, for an export that the schedule has made:
    {"folder": "exports/TABLE/dt=2026-11-24/AWSDynamoDB/ID/", "choice": "expired"}      or "all"

The lines of manifest-files.json are the items. The result of each batch and a manifest are written below
replay/table=TABLE/maps/.
"""

from typing import Any

from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.map_machine import MapWork, archiving, map_definition, map_machine, mapping
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_MEMORY_MB, _TIMEOUT_S = 1024, 900  # a data file is streamed while its rows are compressed; Lambda's longest
_MAX_ITEMS = 4  # data files of one invocation


class BackfillMap(Construct):
    """The state machine, the function, and their roles."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        table, exports = settings.table.name, layout.exports_folder(settings)
        written = [layout.archive_folder(settings), layout.records_folder(table)]
        function = PythonFunction(
            self,
            "Backfill",
            description=f"Archives the items of exports of {table}",
            zip_file=assets.replay,
            handler="ttl_archive.replay.backfill.backfill_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=deploy,
            statements=archiving(bucket, [exports], written, deploy),
        )
        acknowledge_wildcards(
            function.role,
            [bucket.arn_for_objects(f"{folder}*") for folder in (exports, *written)],
            "The names of data files, rows and records are not known beforehand.",
        )
        maps, function_arn = layout.maps_folder(table), function.function.function_arn
        role = roles.service_role(
            self,
            "states.amazonaws.com",
            [
                roles.allow(["s3:GetObject"], [bucket.arn_for_objects(f"{exports}*")]),
                *mapping(bucket, maps, function_arn, deploy),
            ],
            roles.of_this_account(),
        )
        acknowledge_wildcards(
            role,
            [bucket.arn_for_objects(f"{folder}*") for folder in (maps, exports)],
            "Step Functions chooses the names of the result files, and DynamoDB those of exports.",
        )
        definition = definition_of_backfill(bucket.bucket_name, function_arn, deploy, maps)
        self.machine = map_machine(self, role, definition)


def definition_of_backfill(bucket: str, function_arn: str, deploy: Deploy, maps: str) -> dict[str, Any]:
    """Return the state machine in Amazon States Language.

    Source: SFN, input-output-itemreader (InputType JSONL).
    """
    work = MapWork(
        comment="Archives the items of one export",
        each="EachDataFile",
        step="Backfill",
        reader={
            "Resource": "s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {
                "Bucket": bucket,
                "Key.$": "States.Format('{}manifest-files.json', $.folder)",
            },
        },
        batch_input={"bucket": bucket, "folder.$": "$.folder", "choice.$": "$.choice"},
        max_items=_MAX_ITEMS,
        tolerated_failure_percent=0,  # an export that is archived in part is not archived
    )
    return map_definition(work, bucket=bucket, function_arn=function_arn, maps=maps, deploy=deploy)
