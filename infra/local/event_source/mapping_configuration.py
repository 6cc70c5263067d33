"""What a mapping is configured with: the members of CreateEventSourceMapping, checked.

Source: BC-lambda, CreateEventSourceMapping; LDG, services-ddb-params. Messages without a source beside
them are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ttl_archive.infra.local.event_source.record_filter import DEFAULT_MAX_FILTERS, RecordFilter
from ttl_archive.infra.local.firehose.request_model import check_request
from ttl_archive.infra.local.firehose.service_error import ServiceError

# BC-lambda: "The default value is ..." of each member, for DynamoDB Streams.
DEFAULTS: Mapping[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {}},
    "TumblingWindowInSeconds": 0,
}
LEAST_RECORD_AGE_S = 60  # BC-lambda: "the minimum valid value for maximum record age is 60s"
_S3_ARN = "arn:aws:s3:::"
# Members of the API that have no meaning for DynamoDB Streams, or that are not emulated.
_NOT_LOCAL = (
    "KMSKeyArn",
    "ScalingConfig",
    "StartingPositionTimestamp",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "ProvisionedPollerConfig",
)


@dataclass(frozen=True)
class MappingConfig:
    """A checked configuration. None as `max_retries` or `max_age_ms` means without end."""

    starting_position: Literal["TRIM_HORIZON", "LATEST"]
    record_filter: RecordFilter
    batch_size: int
    window_ms: int
    parallelization_factor: int
    max_age_ms: int | None
    max_retries: int | None
    bisects: bool
    reports_failures: bool
    failure_bucket: str | None


def mapping_config(
    request: Mapping[str, Any],
    *,
    max_filters: int = DEFAULT_MAX_FILTERS,
    all_operators: bool = False,
) -> MappingConfig:
    """Return the configuration of a request. Raises ServiceError for what AWS, or the emulation, refuses."""
    check_request("CreateEventSourceMapping", request, "lambda")
    _require_local(request)
    given = {**DEFAULTS, **request}
    if given.get("StartingPosition") not in ("TRIM_HORIZON", "LATEST"):
        raise invalid_parameter(
            f"StartingPosition has value {given.get('StartingPosition')}. A DynamoDB stream is read from"
            " TRIM_HORIZON or LATEST."
        )
    age_s, retries = given["MaximumRecordAgeInSeconds"], given["MaximumRetryAttempts"]
    if 0 <= age_s < LEAST_RECORD_AGE_S:
        raise invalid_parameter(
            f"MaximumRecordAgeInSeconds has value {age_s}. Use -1, or {LEAST_RECORD_AGE_S} to 604800."
        )
    return MappingConfig(
        starting_position=given["StartingPosition"],
        record_filter=RecordFilter(
            given.get("FilterCriteria"), max_filters=max_filters, all_operators=all_operators
        ),
        batch_size=given["BatchSize"],
        window_ms=given["MaximumBatchingWindowInSeconds"] * 1000,
        parallelization_factor=given["ParallelizationFactor"],
        max_age_ms=None if age_s < 0 else age_s * 1000,
        max_retries=None if retries < 0 else retries,
        bisects=given["BisectBatchOnFunctionError"],
        reports_failures="ReportBatchItemFailures" in given["FunctionResponseTypes"],
        failure_bucket=_failure_bucket(given["DestinationConfig"]),
    )


def invalid_parameter(message: str) -> ServiceError:
    """Return the error for a request that breaks a rule between its members."""
    return ServiceError("InvalidParameterValueException", message)


def _require_local(request: Mapping[str, Any]) -> None:
    for member in _NOT_LOCAL:
        if member in request:
            raise invalid_parameter(f"The local event source mapping does not have {member}.")
    if request.get("TumblingWindowInSeconds"):
        raise invalid_parameter("The local event source mapping has no tumbling windows.")
    if "OnSuccess" in request.get("DestinationConfig", {}):
        raise invalid_parameter("A mapping has a destination for failures only: use OnFailure.")


def _failure_bucket(destinations: Mapping[str, Any]) -> str | None:
    arn: str = destinations.get("OnFailure", {}).get("Destination", "")
    if not arn:
        return None
    if not arn.startswith(_S3_ARN):
        raise invalid_parameter(
            f"The local event source mapping sends what it discards to an S3 bucket, not to {arn}."
        )
    return arn.removeprefix(_S3_ARN)
