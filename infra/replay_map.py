"""Replay of a large backlog: a Step Functions Distributed Map over error objects, and the function it calls.

Input of an execution: {"prefix": "errors/TABLE/processing-failed/"}, or any other folder below the table's
errors. For each batch the function gets
    {"bucket": "b", "items": [{"Key": "errors/…", "Size": 1234, …}], "sink": "s3", "stream": "s"}
and returns counts. The result of each batch and a manifest are written below replay/table=TABLE/maps/.
"""

from typing import Any

from aws_cdk import aws_kinesis as kinesis
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

_MEMORY_MB = 1024  # an error object of 128 MB is streamed while its rows are compressed
_TIMEOUT_S = 900  # Lambda's longest
# An object can be as large as the delivery buffer, so a batch is small enough for one invocation of 900 s.
_MAX_ITEMS = 10


class ReplayMap(Construct):
    """The state machine, the function, and their roles."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
        stream: kinesis.IStream | None,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        table, errors = settings.table.name, layout.errors_folder(settings)
        written = [layout.archive_folder(settings), layout.records_folder(table)]
        # Replay writes JSON lines, which a Parquet table cannot read: such records pass the stream again.
        sink = "kinesis" if deploy.parquet else "s3"
        self.function = PythonFunction(
            self,
            "Replay",
            description=f"Replays failed records of {table}",
            zip_file=assets.replay,
            handler="ttl_archive.replay.map_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=deploy,
            statements=[
                *archiving(bucket, [errors], written, deploy),
                *(roles.stream_sending(stream, deploy) if stream and sink == "kinesis" else []),
            ],
        )
        acknowledge_wildcards(
            self.function.role,
            [bucket.arn_for_objects(f"{folder}*") for folder in (errors, *written)],
            "The names of error objects, rows and replay's own objects are not known beforehand.",
        )
        function_arn, maps = self.function.function.function_arn, layout.maps_folder(table)
        below = {"StringLike": {"s3:prefix": [f"{errors}*"]}}
        role = roles.service_role(
            self,
            "states.amazonaws.com",
            [
                roles.allow(["s3:ListBucket"], [bucket.bucket_arn], below),
                *mapping(bucket, maps, function_arn, deploy),
            ],
            roles.of_this_account(),
        )
        acknowledge_wildcards(
            role,
            [bucket.arn_for_objects(f"{maps}*")],
            "Step Functions chooses the names of the result files.",
        )
        name = stream.stream_name if stream else ""
        batch_input = {"bucket": bucket.bucket_name, "sink": sink, "stream": name}
        definition = definition_of_replay(batch_input, function_arn, deploy, maps)
        self.machine = map_machine(self, role, definition)


def definition_of_replay(
    batch_input: dict[str, str], function_arn: str, deploy: Deploy, maps: str
) -> dict[str, Any]:
    """Return the state machine in Amazon States Language."""
    bucket = batch_input["bucket"]
    work = MapWork(
        comment="Replays every error object below a prefix",
        each="EachObject",
        step="Replay",
        reader={"Resource": "s3:listObjectsV2", "Parameters": {"Bucket": bucket, "Prefix.$": "$.prefix"}},
        batch_input=batch_input,
        max_items=_MAX_ITEMS,
        tolerated_failure_percent=deploy.replay_tolerated_failure_percent,
    )
    return map_definition(work, bucket=bucket, function_arn=function_arn, maps=maps, deploy=deploy)
