"""The checked configuration of a delivery stream, from a request of AWS's shape.

`check_delivery_stream` takes what boto3's create_delivery_stream takes, which is also what CloudFormation
calls the properties of AWS::KinesisFirehose::DeliveryStream, and refuses what AWS refuses. `require_local`
then refuses what AWS does and the local Firehose does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ttl_archive.infra.local.firehose import configuration_rules as rules
from ttl_archive.infra.local.firehose import prefixes
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
# FDG: s3-object-name.
EXTENSIONS = {
    "UNCOMPRESSED": "",
    "GZIP": ".gz",
    "ZIP": ".zip",
    "Snappy": ".snappy",
    "HADOOP_SNAPPY": ".hsnappy",  # FDG; a probe (FLOCI) saw .snappy: UNVERIFIED, and not produced here
}
_LOCAL_COMPRESSIONS = ("UNCOMPRESSED", "GZIP", "ZIP")
_S3_DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")


@dataclass(frozen=True)
class Buffering:
    """Deliver when this much or this old, whichever comes first."""

    size_bytes: int
    interval_ms: int


@dataclass(frozen=True)
class LambdaProcessor:
    """The function that transforms records, and how it is invoked."""

    arn: str
    number_of_retries: int
    buffering: Buffering


@dataclass(frozen=True)
class S3Destination:
    """Where objects go and what they look like; the prefixes are complete, default date path included."""

    bucket: str
    prefix: prefixes.Prefix
    error_output_prefix: prefixes.Prefix
    buffering: Buffering
    compression: str = "UNCOMPRESSED"
    file_extension: str = ""
    time_zone: tzinfo = UTC
    kms_key_arn: str | None = None


@dataclass(frozen=True)
class DeliveryStreamConfig:
    """A delivery stream's configuration, checked. `kinesis_stream_arn` is None for Direct PUT."""

    stream_type: str
    kinesis_stream_arn: str | None
    destination: S3Destination
    processor: LambdaProcessor | None = None
    dynamic_partitioning: bool = False
    backup: S3Destination | None = None
    not_local: tuple[str, ...] = ()


def check_delivery_stream(
    request: Mapping[str, Any], *, date_after_expressions: bool = False
) -> DeliveryStreamConfig:
    """Check a whole request, without creating anything, and give what it configures.

    Everything legal in AWS is accepted, tags, logging and encryption included, as far as the destination is
    S3. The name may be missing, as CloudFormation makes one. References and intrinsic functions of a template
    must be replaced by values before. `date_after_expressions`: see prefixes.with_date.
    Raises ServiceError: ValidationException names the member that is not of the model's shape,
    InvalidArgumentException the rule between members that is broken.
    """
    check_request("CreateDeliveryStream", {"DeliveryStreamName": "unnamed", **request})
    return configuration(request, date_after_expressions=date_after_expressions)


def configuration(
    request: Mapping[str, Any], *, date_after_expressions: bool = False
) -> DeliveryStreamConfig:
    """What a request that is of the model's shape configures. Raises ServiceError for a broken rule."""
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


def _config(
    request: Mapping[str, Any], s3: Mapping[str, Any], date_after_expressions: bool
) -> DeliveryStreamConfig:
    partitioned = rules.is_enabled(s3.get("DynamicPartitioningConfiguration"))
    backup = s3.get("S3BackupConfiguration") if s3.get("S3BackupMode") == "Enabled" else None
    copies = _destination(backup, False, date_after_expressions, "S3BackupConfiguration.") if backup else None
    source = request.get("KinesisStreamSourceConfiguration")
    return DeliveryStreamConfig(
        stream_type=request.get("DeliveryStreamType", "DirectPut"),
        kinesis_stream_arn=source["KinesisStreamARN"] if source else None,
        destination=_destination(s3, partitioned, date_after_expressions),
        processor=_processor(s3.get("ProcessingConfiguration", {})),
        dynamic_partitioning=partitioned,
        backup=copies,
        not_local=tuple(_not_local(request, s3, backup)),
    )


def _destination(
    s3: Mapping[str, Any], partitioned: bool, date_after_expressions: bool, where: str = ""
) -> S3Destination:
    prefix = prefixes.parse(s3.get("Prefix", ""), f"{where}Prefix")
    error_prefix = prefixes.parse(s3.get("ErrorOutputPrefix", ""), f"{where}ErrorOutputPrefix")
    prefixes.check(prefix, error_prefix, dynamic_partitioning=partitioned)
    compression = s3.get("CompressionFormat", "UNCOMPRESSED")
    return S3Destination(
        bucket=s3["BucketARN"].rpartition(":")[2],
        prefix=prefixes.with_date(prefix, date_after_expressions=date_after_expressions),
        error_output_prefix=prefixes.error_prefix(
            prefix, error_prefix, date_after_expressions=date_after_expressions
        ),
        buffering=_buffering(s3),
        compression=compression,
        file_extension=s3.get("FileExtension") or EXTENSIONS[compression],
        time_zone=_time_zone(s3.get("CustomTimeZone", "")),
        kms_key_arn=s3.get("EncryptionConfiguration", {}).get("KMSEncryptionConfig", {}).get("AWSKMSKeyARN"),
    )


def _buffering(s3: Mapping[str, Any]) -> Buffering:
    hints = buffering_hints(s3)
    return Buffering(hints["SizeInMBs"] * MIB, hints["IntervalInSeconds"] * 1000)


def buffering_hints(s3: Mapping[str, Any]) -> dict[str, int]:
    """The BufferingHints of an S3 destination, defaults filled in."""
    size = DEFAULT_LARGE_SIZE_MIB if rules.needs_large_buffer(s3) else DEFAULT_SIZE_MIB
    return {"SizeInMBs": size, "IntervalInSeconds": DEFAULT_INTERVAL_S, **s3.get("BufferingHints", {})}


def _processor(processing: Mapping[str, Any]) -> LambdaProcessor | None:
    # FLOCI probe: Enabled omitted is stored as false, and nothing is transformed.
    if not rules.is_enabled(processing):
        return None
    for processor in rules.processors(processing, "Lambda"):
        parameters = rules.parameters(processor)
        mib = float(parameters.get("BufferSizeInMBs", DEFAULT_LAMBDA_BUFFER_MIB))
        seconds = int(parameters.get("BufferIntervalInSeconds", DEFAULT_LAMBDA_INTERVAL_S))
        retries = int(parameters.get("NumberOfRetries", DEFAULT_NUMBER_OF_RETRIES))
        return LambdaProcessor(parameters["LambdaArn"], retries, Buffering(int(mib * MIB), seconds * 1000))
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


def _not_local(
    request: Mapping[str, Any], s3: Mapping[str, Any], backup: Mapping[str, Any] | None
) -> list[str]:
    missing: list[str] = []
    if request.get("DeliveryStreamType") in ("MSKAsSource", "DatabaseAsSource"):
        missing.append(f"a delivery stream of type {request['DeliveryStreamType']}")
    if rules.is_converted(s3):
        missing.append("record format conversion (DataFormatConversionConfiguration)")
    processing = s3.get("ProcessingConfiguration", {})
    if rules.is_enabled(processing):
        types = (p["Type"] for p in processing.get("Processors", []))
        missing += [f"the processor type {kind}" for kind in types if kind != "Lambda"]
    for destination in (s3, backup or {}):
        compression = destination.get("CompressionFormat", "UNCOMPRESSED")
        if compression not in _LOCAL_COMPRESSIONS:
            missing.append(f"CompressionFormat {compression}")
    return missing
