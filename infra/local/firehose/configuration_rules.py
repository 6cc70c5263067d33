"""The rules between members of a delivery stream's configuration that the service model does not state.

Each raises ServiceError (InvalidArgumentException). A message with a source beside it is AWS's own; the other
messages are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ttl_archive.infra.local.firehose.configuration_members import (
    Members,
    is_converted,
    is_enabled,
    parameters,
    processors,
)
from ttl_archive.infra.local.firehose.encryption import check_key
from ttl_archive.infra.local.firehose.metadata_extraction import ENGINE
from ttl_archive.infra.local.firehose.service_error import invalid_argument

# FLOCI, docs/services/firehose.md (probe).
ONE_DESTINATION = "Exactly one destination configuration is supported for a Firehose"
# getmoto/moto:moto/firehose/models.py, the only public text; AWS's own is UNVERIFIED.
KINESIS_SOURCE_ONLY = "KinesisSourceStreamConfig is only applicable for KinesisStreamAsSource stream type"
# FLOCI, FirehoseProcessingConfigurationTest (probes of 2026-09-10).
LAMBDA_ARN_REQUIRED = "LambdaArn is required when Lambda processor is used."
INVALID_LAMBDA_ARN = "Invalid lambda ARN."
ONE_LAMBDA_PROCESSOR = "Cannot have more than 1 Lambda processor."
DUPLICATE_PARAMETER = "Duplicate ProcessorParameter passed to ProcessingConfiguration."
LAMBDA_BUFFER_PAIR = (
    "Both BufferSizeInMBs and BufferIntervalInSeconds are required"
    " to configure buffering for lambda processor."
)
# CDK: aws-kinesisfirehose and PR #35903, which quote CloudFormation's rejections.
PARTITION_NAMESPACES = (
    "S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is enabled"
)
PARTITION_PROCESSING = "Processing Configuration is not enabled when DataPartitioning is enabled"
PARTITION_LAMBDA = (
    "Lambda should be present when S3 Prefix contains keys from partitionKeyFromLambda namespace"
)
PARTITION_SIZE = "BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled."
PARTITION_INTERVAL = (
    "BufferingHints.IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is enabled."
)
# FDG: data-transformation. NumberOfRetries is documented as 1-8, AWS stored 0 and honoured 9 (FLOCI).
LAMBDA_BUFFER_MIB = (0.2, 3.0)
LAMBDA_INTERVAL_S = (0, 900)
NUMBER_OF_RETRIES = (0, 100)  # the upper bound is ours
# FDG: limits and record-format-conversion; FDG: buffering (S3 backup takes no interval below 60 s).
MIN_LARGE_SIZE_MIB = 64
MIN_PARTITION_INTERVAL_S = 60
MIN_BACKUP_INTERVAL_S = 60
_LAMBDA_ARN = re.compile(
    r"arn:[\w-]+:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(:(\$LATEST|[A-Za-z0-9_-]+))?", re.ASCII
)
_PARTITION_NAMESPACE = re.compile(r"!\{(partitionKeyFrom(?:Lambda|Query)):")


def check_source(request: Members) -> None:
    """Check that the type agrees with the source, and that encryption is for Direct PUT only."""
    kind = request.get("DeliveryStreamType", "DirectPut")
    for source_kind, member in _SOURCES.items():
        if kind == source_kind and source_kind != "DirectPut" and member not in request:
            raise invalid_argument(f"DeliveryStreamType {kind} needs {member}.")
        if kind != source_kind and member in request:
            raise invalid_argument(
                KINESIS_SOURCE_ONLY
                if source_kind == "KinesisStreamAsSource"
                else f"{member} is for DeliveryStreamType {source_kind}, not for {kind}."
            )
    encryption = request.get("DeliveryStreamEncryptionConfigurationInput")
    if encryption is None:
        return
    if kind != "DirectPut":
        raise invalid_argument(
            f"DeliveryStreamEncryptionConfigurationInput is for DeliveryStreamType DirectPut, not for {kind}:"
            " encrypt the source stream instead."
        )
    check_key(encryption)


# BC-firehose: DeliveryStreamType and its configuration.
_SOURCES = {
    "DirectPut": "DirectPutSourceConfiguration",
    "KinesisStreamAsSource": "KinesisStreamSourceConfiguration",
    "MSKAsSource": "MSKSourceConfiguration",
    "DatabaseAsSource": "DatabaseSourceConfiguration",
}


def check_one_destination(request: Members) -> None:
    """Check that a request configures one destination."""
    if sum(key.endswith("DestinationConfiguration") for key in request) != 1:
        raise invalid_argument(ONE_DESTINATION)


def check_extended_s3(s3: Members) -> None:
    """Check everything inside an S3 destination except its prefixes, which prefixes.check_prefixes checks."""
    _check_s3(s3, "")
    _check_processing(s3.get("ProcessingConfiguration", {}))
    _check_partitioning(s3)
    _check_conversion(s3)
    _check_backup(s3)


def _check_s3(s3: Members, where: str) -> None:
    hints = s3.get("BufferingHints", {})
    if len(hints) == 1:
        given = next(iter(hints))
        raise invalid_argument(
            f"{where}BufferingHints has {given} alone: give both SizeInMBs and IntervalInSeconds."
        )
    logging = s3.get("CloudWatchLoggingOptions")
    if is_enabled(logging) and not (logging and {"LogGroupName", "LogStreamName"} <= logging.keys()):
        raise invalid_argument(
            f"{where}CloudWatchLoggingOptions is enabled: give both LogGroupName and LogStreamName."
        )


def _check_processing(processing: Members) -> None:
    for processor in processing.get("Processors", []):
        names = [p["ParameterName"] for p in processor.get("Parameters", [])]
        if len(set(names)) < len(names):
            raise invalid_argument(DUPLICATE_PARAMETER)
    if len(processors(processing, "Lambda")) > 1:
        raise invalid_argument(ONE_LAMBDA_PROCESSOR)
    for processor in processors(processing, "Lambda"):
        _check_lambda(parameters(processor))
    if is_enabled(processing) and not processing.get("Processors"):
        # UNVERIFIED whether AWS refuses it. Refused here, because it would transform nothing silently.
        raise invalid_argument(
            "ProcessingConfiguration is enabled and has no processor: add one, or disable it."
        )


def _check_lambda(values: Mapping[str, str]) -> None:
    if "LambdaArn" not in values:
        raise invalid_argument(LAMBDA_ARN_REQUIRED)
    if not _LAMBDA_ARN.fullmatch(values["LambdaArn"]):
        raise invalid_argument(INVALID_LAMBDA_ARN)
    if ("BufferSizeInMBs" in values) != ("BufferIntervalInSeconds" in values):
        raise invalid_argument(LAMBDA_BUFFER_PAIR)
    _check_number(values, "BufferSizeInMBs", r"\d+(\.\d+)?", *LAMBDA_BUFFER_MIB)
    _check_number(values, "BufferIntervalInSeconds", r"\d+", *LAMBDA_INTERVAL_S)
    _check_number(values, "NumberOfRetries", r"\d+", *NUMBER_OF_RETRIES)


def _check_number(values: Mapping[str, str], name: str, form: str, low: float, high: float) -> None:
    value = values.get(name)
    if value is None:
        return
    if not re.fullmatch(form, value, re.ASCII) or not low <= float(value) <= high:
        raise invalid_argument(f"{name} has value '{value}'. Use a number from {low:g} to {high:g}.")


def _check_partitioning(s3: Members) -> None:
    if not is_enabled(s3.get("DynamicPartitioningConfiguration")):
        return
    namespaces = set(_PARTITION_NAMESPACE.findall(s3.get("Prefix", "")))
    processing = s3.get("ProcessingConfiguration", {})
    if not namespaces:
        raise invalid_argument(PARTITION_NAMESPACES)
    if not is_enabled(processing):
        raise invalid_argument(PARTITION_PROCESSING)
    if "partitionKeyFromLambda" in namespaces and not processors(processing, "Lambda"):
        raise invalid_argument(PARTITION_LAMBDA)
    if "partitionKeyFromQuery" in namespaces and not processors(processing, "MetadataExtraction"):
        raise invalid_argument(
            "Prefix contains keys from partitionKeyFromQuery: add a MetadataExtraction processor."
        )
    for processor in processors(processing, "MetadataExtraction"):
        _check_extraction(parameters(processor))
    hints = s3.get("BufferingHints", {})
    if hints.get("SizeInMBs", MIN_LARGE_SIZE_MIB) < MIN_LARGE_SIZE_MIB:
        raise invalid_argument(PARTITION_SIZE)
    if hints.get("IntervalInSeconds", MIN_PARTITION_INTERVAL_S) < MIN_PARTITION_INTERVAL_S:
        raise invalid_argument(PARTITION_INTERVAL)


def _check_extraction(values: Mapping[str, str]) -> None:
    # FDG: dynamic-partitioning-partitioning-keys; the sentences are ours.
    if "MetadataExtractionQuery" not in values:
        raise invalid_argument("A MetadataExtraction processor needs MetadataExtractionQuery.")
    engine = values.get("JsonParsingEngine")
    if engine != ENGINE:
        raise invalid_argument(f"JsonParsingEngine has value '{engine}'. Use {ENGINE}.")


# FDG: record-format-conversion; the order is that of a probe (FLOCI #3236), the sentences are ours.
def _check_conversion(s3: Members) -> None:
    if not is_converted(s3):
        return
    if s3.get("CompressionFormat", "UNCOMPRESSED") != "UNCOMPRESSED":
        raise invalid_argument(
            f"CompressionFormat has value '{s3['CompressionFormat']}'. Use UNCOMPRESSED with record format"
            " conversion: the output serializer compresses."
        )
    size = s3.get("BufferingHints", {}).get("SizeInMBs", MIN_LARGE_SIZE_MIB)
    if size < MIN_LARGE_SIZE_MIB:
        raise invalid_argument(
            f"BufferingHints.SizeInMBs has value {size}. Use at least {MIN_LARGE_SIZE_MIB} with record format"
            " conversion."
        )
    conversion = s3["DataFormatConversionConfiguration"]
    for path in _CONVERSION_MEMBERS:
        if not _present(conversion, path):
            raise invalid_argument(f"DataFormatConversionConfiguration is enabled and needs {path}.")


_CONVERSION_MEMBERS = (
    "InputFormatConfiguration.Deserializer",
    "OutputFormatConfiguration.Serializer",
    "SchemaConfiguration.RoleARN",
    "SchemaConfiguration.DatabaseName",
    "SchemaConfiguration.TableName",
)


def _present(block: Any, path: str) -> bool:
    for name in path.split("."):
        block = block.get(name)
        if block is None:
            return False
    return bool(block)


def _check_backup(s3: Members) -> None:
    backup = s3.get("S3BackupConfiguration")
    if s3.get("S3BackupMode") == "Enabled" and backup is None:
        raise invalid_argument("S3BackupMode is Enabled and needs S3BackupConfiguration.")
    if backup is None:
        return
    _check_s3(backup, "S3BackupConfiguration.")
    interval = backup.get("BufferingHints", {}).get("IntervalInSeconds", MIN_BACKUP_INTERVAL_S)
    if interval < MIN_BACKUP_INTERVAL_S:
        raise invalid_argument(
            f"S3BackupConfiguration.BufferingHints.IntervalInSeconds has value {interval}."
            f" Use at least {MIN_BACKUP_INTERVAL_S}."
        )
