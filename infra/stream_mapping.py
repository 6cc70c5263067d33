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

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.stream_filter import filter_criteria
from ttl_archive.transform.settings import Settings


def mapping_settings(
    settings: Settings, failure_bucket_arn: str, deploy: Deploy | None = None
) -> dict[str, Any]:
    """Return the members of CreateEventSourceMapping but for its stream and its function.

    CloudFormation has the same names. Without `deploy`, its defaults apply.
    """
    deploy = deploy or Deploy()
    return {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": deploy.batch_records,
        "MaximumBatchingWindowInSeconds": deploy.batch_window_s,
        "ParallelizationFactor": deploy.batches_per_shard,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": deploy.batch_retries,
        "MaximumRecordAgeInSeconds": deploy.record_age_s,
        "FilterCriteria": filter_criteria(settings.select),
        "DestinationConfig": {"OnFailure": {"Destination": failure_bucket_arn}},
    }
