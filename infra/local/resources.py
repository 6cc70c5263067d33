"""The requests that create the local pipeline's resources, from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.local.moto_server.emulator import REGION
from ttl_archive.transform.layout import archive_folder, error_output_prefix, prefix
from ttl_archive.transform.settings import Settings

NAME = "ttl-archive"  # of the bucket, the data stream, the delivery stream and the function
_ACCOUNT = "123456789012"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{_ACCOUNT}:function:{NAME}:$LATEST"
FORWARDER_ARN = f"arn:aws:lambda:{REGION}:{_ACCOUNT}:function:{NAME}-forwarder"
DIRECT_NAME = f"{NAME}-streams"  # of the delivery stream that the forwarder puts into
FAILURE_BUCKET = f"{NAME}-failures"  # for what the event source mapping gives up
STREAM_ARN = f"arn:aws:kinesis:{REGION}:{_ACCOUNT}:stream/{NAME}"
ROLE_ARN = f"arn:aws:iam::{_ACCOUNT}:role/{NAME}"


@dataclass(frozen=True)
class Buffering:
    """Firehose's buffers: those before the function (`invoke_`) and those of the destination.

    The defaults are Firehose's own. `size_mb` None means 64 with dynamic partitioning, else 5.
    """

    size_mb: int | None = None
    interval_s: int = 300
    invoke_size_mb: float = 1
    invoke_interval_s: int = 60
    retries: int = 3


def lifecycle_configuration(settings: Settings, glacier_after_days: int) -> dict[str, Any]:
    """Return put_bucket_lifecycle_configuration's arguments: the archive goes to GLACIER, errors stay."""
    rule = {
        "ID": "archive-to-glacier",
        "Status": "Enabled",
        "Filter": {"Prefix": archive_folder(settings)},
        "Transitions": [{"Days": glacier_after_days, "StorageClass": "GLACIER"}],
    }
    return {
        "LifecycleConfiguration": {"Rules": [rule]},
        # S3U: by default objects smaller than 128 KiB are never moved.
        "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
    }


def pipeline_delivery_stream(settings: Settings, buffering: Buffering) -> dict[str, Any]:
    """Return the arguments of create_delivery_stream: from data stream through function to bucket."""
    return {
        "DeliveryStreamName": NAME,
        "DeliveryStreamType": "KinesisStreamAsSource",
        "KinesisStreamSourceConfiguration": {"KinesisStreamARN": STREAM_ARN, "RoleARN": ROLE_ARN},
        "ExtendedS3DestinationConfiguration": _destination(settings, buffering)
        | _processing(settings, buffering),
    }


def direct_delivery_stream(settings: Settings, buffering: Buffering) -> dict[str, Any]:
    """Return the arguments of create_delivery_stream: from the forwarder's puts to the bucket."""
    return {
        "DeliveryStreamName": DIRECT_NAME,
        "DeliveryStreamType": "DirectPut",
        "ExtendedS3DestinationConfiguration": _destination(settings, buffering),
    }


def _destination(settings: Settings, buffering: Buffering) -> dict[str, Any]:
    by_event = settings.output.partition_by == "event"
    # FDG: dynamic partitioning needs at least 64 MB and cannot be added later.
    size_mb = buffering.size_mb or (64 if by_event else 5)
    return {
        "BucketARN": f"arn:aws:s3:::{NAME}",
        "RoleARN": ROLE_ARN,
        "Prefix": prefix(settings),
        "ErrorOutputPrefix": error_output_prefix(settings),
        "FileExtension": f".{settings.output.format}.gz",
        "CompressionFormat": "GZIP",
        "BufferingHints": {"SizeInMBs": size_mb, "IntervalInSeconds": buffering.interval_s},
    }


def _processing(settings: Settings, buffering: Buffering) -> dict[str, Any]:
    processing = {"ProcessingConfiguration": {"Enabled": True, "Processors": [_processor(buffering)]}}
    by_event = settings.output.partition_by == "event"
    return processing | ({"DynamicPartitioningConfiguration": {"Enabled": True}} if by_event else {})


def _processor(buffering: Buffering) -> dict[str, Any]:
    values = {
        "LambdaArn": FUNCTION_ARN,
        "NumberOfRetries": str(buffering.retries),
        "BufferSizeInMBs": str(buffering.invoke_size_mb),
        "BufferIntervalInSeconds": str(buffering.invoke_interval_s),
    }
    parameters = [{"ParameterName": name, "ParameterValue": value} for name, value in values.items()]
    return {"Type": "Lambda", "Parameters": parameters}
