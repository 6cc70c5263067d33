"""What describe_delivery_stream shows, and how update_destination changes it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ttl_archive.infra.local.firehose.configuration import DEFAULT_NUMBER_OF_RETRIES, buffering_hints
from ttl_archive.infra.local.firehose.configuration_members import is_enabled
from ttl_archive.infra.local.firehose.service_error import ServiceError, invalid_argument

# BC-firehose: DestinationId; FLOCI probe for its form.
DESTINATION_ID = "destinationId-000000000001"
_EXTENDED = "ExtendedS3DestinationConfiguration"
_UPDATES = {"ExtendedS3DestinationUpdate": _EXTENDED, "S3DestinationUpdate": "S3DestinationConfiguration"}
# Members that an update merges member by member (FLOCI #3236); all others are replaced.
_MERGED = ("S3BackupConfiguration", "DataFormatConversionConfiguration", "DynamicPartitioningConfiguration")
# FLOCI probe: the order in which AWS shows a Lambda processor's parameters.
_PARAMETERS = ("LambdaArn", "NumberOfRetries", "RoleArn", "BufferSizeInMBs", "BufferIntervalInSeconds")
_DEFAULT_RETRY_S = 300  # BC-firehose: RetryOptions; shown when it was not given (LS-cfn 2022-09-14)


@dataclass(frozen=True)
class DeliveryStreamEntry:
    """The request of a delivery stream as creation and updates left it."""

    name: str
    arn: str
    request: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime | None = None

    @classmethod
    def created(cls, name: str, arn: str, request: Mapping[str, Any], at: datetime) -> DeliveryStreamEntry:
        """Return the entry of a new delivery stream."""
        return cls(name, arn, deepcopy(dict(request)), at)

    def updated(self, request: Mapping[str, Any], version: int, at: datetime) -> DeliveryStreamEntry:
        """Return the entry after an UpdateDestination.

        Raises ServiceError for another version, destination or kind of destination.
        """
        if request["CurrentDeliveryStreamVersionId"] != str(version):
            raise ServiceError(
                "ConcurrentModificationException",
                f"CurrentDeliveryStreamVersionId has value {request['CurrentDeliveryStreamVersionId']}."
                f" Use {version}, or describe the delivery stream and update again.",
            )
        if request["DestinationId"] != DESTINATION_ID:
            raise invalid_argument(
                f"DestinationId {request['DestinationId']} not found; it is {DESTINATION_ID}."
            )
        given = [key for key in request if key.endswith("Update")]
        if len(given) != 1 or _UPDATES.get(given[0]) not in self.request:
            raise invalid_argument(
                f"Give one update, of the kind that was created; given: {given or 'none'}."
            )
        member = _UPDATES[given[0]]
        merged = {**self.request, member: _merged(self.request[member], deepcopy(request[given[0]]))}
        return replace(self, request=merged, updated_at=at)

    def description(self, version: int, status: str, encryption: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the DeliveryStreamDescription of BC-firehose; `encryption` is None where AWS shows none."""
        extended = _EXTENDED in self.request
        s3 = self.request[_EXTENDED if extended else "S3DestinationConfiguration"]
        destination = {"DestinationId": DESTINATION_ID, "S3DestinationDescription": _plain(s3)}
        if extended:
            destination["ExtendedS3DestinationDescription"] = _extended(s3)
        shown = {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": self.arn,
            "DeliveryStreamStatus": status,
            **({} if encryption is None else {"DeliveryStreamEncryptionConfiguration": {**encryption}}),
            "DeliveryStreamType": self.request.get("DeliveryStreamType", "DirectPut"),
            "VersionId": str(version),
            "CreateTimestamp": self.created_at,
            **({"LastUpdateTimestamp": self.updated_at} if self.updated_at else {}),
            **self._source(),
            "Destinations": [destination],
            "HasMoreDestinations": False,
        }
        return deepcopy(shown)

    def _source(self) -> dict[str, Any]:
        source = self.request.get("KinesisStreamSourceConfiguration")
        if not source:
            return {}
        return {
            "Source": {
                "KinesisStreamSourceDescription": {**source, "DeliveryStartTimestamp": self.created_at}
            }
        }


def _merged(stored: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {("S3BackupConfiguration" if k == "S3BackupUpdate" else k): v for k, v in update.items()}
    for key in _MERGED:
        if key in renamed and key in stored:
            renamed[key] = {**stored[key], **renamed[key]}
    return {**stored, **renamed}


_PLAIN_MEMBERS = ("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "EncryptionConfiguration")


def _plain(s3: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that both descriptions have, with the defaults filled in."""
    return {
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        **{key: s3[key] for key in _PLAIN_MEMBERS if key in s3},
        "BufferingHints": buffering_hints(s3),
        "CompressionFormat": s3.get("CompressionFormat", "UNCOMPRESSED"),
        "CloudWatchLoggingOptions": {"Enabled": False, **s3.get("CloudWatchLoggingOptions", {})},
    }


def _extended(s3: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in s3.items() if key != "S3BackupConfiguration"}
    shown |= _plain(s3) | {"S3BackupMode": s3.get("S3BackupMode", "Disabled")}
    if "S3BackupConfiguration" in s3:
        shown["S3BackupDescription"] = _plain(s3["S3BackupConfiguration"])
    partitioning = s3.get("DynamicPartitioningConfiguration")
    if is_enabled(partitioning):
        retry = {"RetryOptions": {"DurationInSeconds": _DEFAULT_RETRY_S}}
        shown["DynamicPartitioningConfiguration"] = retry | {**partitioning}
    if "ProcessingConfiguration" in s3:  # STP #769: absent where none was given
        processing = s3["ProcessingConfiguration"]
        shown["ProcessingConfiguration"] = {
            "Enabled": processing.get("Enabled", False),
            "Processors": [_processor(p, s3["RoleARN"]) for p in processing.get("Processors", [])],
        }
    return shown


def _processor(processor: Mapping[str, Any], role_arn: str) -> dict[str, Any]:
    """Return a processor with the parameters that AWS adds to one of type Lambda (FLOCI probe)."""
    if processor["Type"] != "Lambda":
        return dict(processor)
    given = {p["ParameterName"]: p["ParameterValue"] for p in processor.get("Parameters", [])}
    values = {"NumberOfRetries": DEFAULT_NUMBER_OF_RETRIES, "RoleArn": role_arn, **given}
    ordered = [name for name in _PARAMETERS if name in values]
    return {
        "Type": "Lambda",
        "Parameters": [{"ParameterName": name, "ParameterValue": values[name]} for name in ordered],
    }
