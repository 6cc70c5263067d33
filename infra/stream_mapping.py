"""The event source mapping from a table's DynamoDB stream to the forwarder: every setting, with its reason.

StartingPosition            TRIM_HORIZON: LATEST can miss records while the mapping is created or updated
BatchSize, window           large batches make full Firehose records, which are billed in steps of 5 KB
ParallelizationFactor       1: several batches of a shard would each be smaller
FunctionResponseTypes       without it, Lambda takes every answer of the forwarder for success
BisectBatchOnFunctionError  a record that ends the function's process is separated from its neighbours
MaximumRetryAttempts        such a record stops its shard until its retries are used up, so they are limited
MaximumRecordAgeInSeconds   below 24 hours: whether a record that the stream trims reaches the destination is
                            UNVERIFIED, so Lambda itself has to discard it

Source: AWS Lambda Developer Guide, services-ddb-params, services-dynamodb-errors.
"""

from typing import Any

from ttl_archive.infra.stream_filter import filter_criteria
from ttl_archive.transform.settings import Settings

BATCH_RECORDS = 10_000  # the maximum; the payload of 6 MB ends most batches before
WINDOW_S = 60
RETRIES = 30
# Half of the 24 hours for which DynamoDB Streams keeps a record. What waited behind it has the other half.
RECORD_AGE_S = 12 * 3600


def mapping_settings(settings: Settings, failure_bucket_arn: str) -> dict[str, Any]:
    """Return the members of CreateEventSourceMapping but for its stream and its function."""
    return {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": BATCH_RECORDS,
        "MaximumBatchingWindowInSeconds": WINDOW_S,
        "ParallelizationFactor": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": RETRIES,
        "MaximumRecordAgeInSeconds": RECORD_AGE_S,
        "FilterCriteria": filter_criteria(settings.select),
        "DestinationConfig": {"OnFailure": {"Destination": failure_bucket_arn}},
    }
