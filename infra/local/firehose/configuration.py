"""The checked configuration of a delivery stream, from a request of AWS's shape.

`check_delivery_stream` accepts the arguments of boto3's create_delivery_stream, which are also the properties
of CloudFormation's AWS::KinesisFirehose::DeliveryStream, and refuses what AWS refuses. `require_local` then
refuses what AWS does and the local Firehose does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ttl_archive.infra.local.firehose import configuration_members as members
from ttl_archive.infra.local.firehose import configuration_rules as rules
from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.infra.local.firehose.compression import COMPRESSIONS
from ttl_archive.infra.local.firehose.metadata_extraction import MetadataQuery
from ttl_archive.infra.local.firehose.request_model import check_request
from ttl_archive.infra.local.firehose.service_error import invalid_argument, not_local

MIB = 1024 * 1024
# BC-firehose: BufferingHints. 128 with dynamic partitioning and format conversion: CDK, FLOCI #3236.
DEFAULT_SIZE_MIB = 5
DEFAULT_LARGE_SIZE_MIB = 128
DEFAULT_INTERVAL_S = 300
# FDG: data-transformation.
DEFAULT_LAMBDA_BUFFER_MIB = "1"
DEFAULT_LAMBDA_INTERVAL_S = "60"
DEFAULT_NUMBER_OF_RETRIES = "3"
_LOCAL_PROCESSORS = ("Lambda", "MetadataExtraction")
_S3_DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")


@dataclass(frozen=True)
class BufferingLimits:
    """Deliver at this size or at this age, whichever comes first."""

    size_bytes: int
    interval_ms: int


@dataclass(frozen=True)
class LambdaProcessor:
    """The function that transforms records, and how it is invoked."""

    arn: str
    number_of_retries: int
    buffering: BufferingLimits


@dataclass(frozen=True)
class S3Destination:
    """Where objects are put and what they look like; the prefixes include the default date path."""

    bucket: str
    prefix: prefixes.Prefix
    error_output_prefix: prefixes.Prefix
    buffering: BufferingLimits
    compression: str = "UNCOMPRESSED"
    file_extension: str = ""
    time_zone: tzinfo = UTC
    kms_key_arn: str | None = None


@dataclass(frozen=True)
class DeliveryStreamConfig:
    """A checked configuration. `kinesis_stream_arn` is None for Direct PUT."""

    stream_type: str
    kinesis_stream_arn: str | None
    destination: S3Destination
    processor: LambdaProcessor | None = None
    dynamic_partitioning: bool = False
    metadata_query: str | None = None
    backup: S3Destination | None = None
    not_local: tuple[str, ...] = ()


def check_delivery_stream(
    request: Mapping[str, Any], *, date_after_expressions: bool = False
) -> DeliveryStreamConfig:
    """Check a whole request without creating anything, and return what it configures.

    Everything legal in AWS is accepted, including tags, logging and encryption, when the destination is S3.
    The name may be absent, because CloudFormation chooses one. Replace the intrinsic functions of a template
    by values first, see template.delivery_stream_request. `date_after_expressions`: see prefixes.with_date.
    Raises ServiceError: ValidationException for a member that is not of the model's shape,
    InvalidArgumentException for a broken rule between members.
    """
    check_request("CreateDeliveryStream", {"DeliveryStreamName": "unnamed", **request})
    return configuration(request, date_after_expressions=date_after_expressions)


def configuration(
    request: Mapping[str, Any], *, date_after_expressions: bool = False
) -> DeliveryStreamConfig:
    """Return what a request of the model's shape configures. Raises ServiceError for a broken rule."""
    rules.check_source(request)
    rules.check_one_destination(request)
    name = next((key for key in _S3_DESTINATIONS if key in request), None)
    if name is None:
        other = next(key for key in request if key.endswith("DestinationConfiguration"))
        raise not_local(f"a delivery stream with {other}")
    s3 = request[name]
    rules.check_extended_s3(s3)
    return _config(request, s3, date_after_expressions)


def require_local(config: DeliveryStreamConfig) -> None:
    """Raise ServiceError for a configuration that AWS runs and the local Firehose does not."""
    if config.not_local:
        raise not_local(" or ".join(config.not_local))
    if config.metadata_query is not None:
        MetadataQuery(config.metadata_query)


def _config(
    request: Mapping[str, Any], s3: Mapping[str, Any], date_after_expressions: bool
) -> DeliveryStreamConfig:
    partitioned = members.is_enabled(s3.get("DynamicPartitioningConfiguration"))
    backup = s3.get("S3BackupConfiguration") if s3.get("S3BackupMode") == "Enabled" else None
    copies = _destination(backup, False, date_after_expressions, "S3BackupConfiguration.") if backup else None
    source = request.get("KinesisStreamSourceConfiguration")
    return DeliveryStreamConfig(
        stream_type=request.get("DeliveryStreamType", "DirectPut"),
        kinesis_stream_arn=source["KinesisStreamARN"] if source else None,
        destination=_destination(s3, partitioned, date_after_expressions),
        processor=_processor(s3.get("ProcessingConfiguration", {})),
        dynamic_partitioning=partitioned,
        metadata_query=_metadata_query(s3.get("ProcessingConfiguration", {})),
        backup=copies,
        not_local=tuple(_not_local(request, s3)),
    )


def _destination(
    s3: Mapping[str, Any], partitioned: bool, date_after_expressions: bool, where: str = ""
) -> S3Destination:
    prefix = prefixes.parse_prefix(s3.get("Prefix", ""), f"{where}Prefix")
    error_prefix = prefixes.parse_prefix(s3.get("ErrorOutputPrefix", ""), f"{where}ErrorOutputPrefix")
    prefixes.check_prefixes(prefix, error_prefix, dynamic_partitioning=partitioned)
    compression = s3.get("CompressionFormat", "UNCOMPRESSED")
    return S3Destination(
        bucket=s3["BucketARN"].rpartition(":")[2],
        prefix=prefixes.with_date(prefix, date_after_expressions=date_after_expressions),
        error_output_prefix=prefixes.error_prefix(
            prefix, error_prefix, date_after_expressions=date_after_expressions
        ),
        buffering=_buffering(s3),
        compression=compression,
        file_extension=s3.get("FileExtension") or COMPRESSIONS[compression].extension,
        time_zone=_time_zone(s3.get("CustomTimeZone", "")),
        kms_key_arn=s3.get("EncryptionConfiguration", {}).get("KMSEncryptionConfig", {}).get("AWSKMSKeyARN"),
    )


def _buffering(s3: Mapping[str, Any]) -> BufferingLimits:
    hints = buffering_hints(s3)
    return BufferingLimits(hints["SizeInMBs"] * MIB, hints["IntervalInSeconds"] * 1000)


def buffering_hints(s3: Mapping[str, Any]) -> dict[str, int]:
    """Return the BufferingHints of an S3 destination with the defaults filled in."""
    size = DEFAULT_LARGE_SIZE_MIB if members.needs_large_buffer(s3) else DEFAULT_SIZE_MIB
    return {"SizeInMBs": size, "IntervalInSeconds": DEFAULT_INTERVAL_S, **s3.get("BufferingHints", {})}


def _processor(processing: Mapping[str, Any]) -> LambdaProcessor | None:
    # FLOCI probe: when Enabled is omitted it is stored as false, and nothing is transformed.
    if not members.is_enabled(processing):
        return None
    for processor in members.processors(processing, "Lambda"):
        parameters = members.parameters(processor)
        mib = float(parameters.get("BufferSizeInMBs", DEFAULT_LAMBDA_BUFFER_MIB))
        seconds = int(parameters.get("BufferIntervalInSeconds", DEFAULT_LAMBDA_INTERVAL_S))
        retries = int(parameters.get("NumberOfRetries", DEFAULT_NUMBER_OF_RETRIES))
        return LambdaProcessor(
            parameters["LambdaArn"], retries, BufferingLimits(int(mib * MIB), seconds * 1000)
        )
    return None


def _metadata_query(processing: Mapping[str, Any]) -> str | None:
    if not members.is_enabled(processing):
        return None
    for processor in members.processors(processing, "MetadataExtraction"):
        return members.parameters(processor)["MetadataExtractionQuery"]
    return None


def _time_zone(name: str) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise invalid_argument(
            f"CustomTimeZone has value '{name}'. Use a name of the IANA time zone database, e.g. Asia/Tokyo."
        ) from error


def _not_local(request: Mapping[str, Any], s3: Mapping[str, Any]) -> list[str]:
    missing: list[str] = []
    if request.get("DeliveryStreamType") in ("MSKAsSource", "DatabaseAsSource"):
        missing.append(f"a delivery stream of type {request['DeliveryStreamType']}")
    if members.is_converted(s3):
        missing.append("record format conversion (DataFormatConversionConfiguration)")
    processing = s3.get("ProcessingConfiguration", {})
    if members.is_enabled(processing):
        types = (p["Type"] for p in processing.get("Processors", []))
        missing += [f"the processor type {kind}" for kind in types if kind not in _LOCAL_PROCESSORS]
    prefix = prefixes.parse_prefix(s3.get("Prefix", ""), "Prefix")
    if shared := {*prefix.keys("partitionKeyFromLambda")} & {*prefix.keys("partitionKeyFromQuery")}:
        missing.append(f"the partition key {min(shared)} from the function and from the query at once")
    return missing
