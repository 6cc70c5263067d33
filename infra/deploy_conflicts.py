"""Keys of [deploy] that are each allowed, but not together, or not with the rest of archive.toml."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from ttl_archive.transform.settings import Settings

if TYPE_CHECKING:
    from ttl_archive.infra.deploy_settings import Deploy

# Three quarters of the request, without 4 KiB for the other fields of an event with one record.
_MAX_REQUEST_KIB = (6_291_456 - 4096) * 3 // 4 // 1024


def deploy_conflicts(deploy: "Deploy", settings: Settings) -> list[str]:
    """Return one sentence for each contradiction."""
    wide = deploy.parquet or settings.output.partition_by == "event"
    least_days = {"DEEP_ARCHIVE": 180}.get(deploy.storage_class, 90)
    record_kib = deploy.max_record_kib or 0
    create, rules = deploy.table == "create", []
    rules += [*_bucket_rules(deploy), *_source_rules(deploy, settings)]
    rules += [
        (
            create and not deploy.partition_key,
            'table is "create" without partition_key. Name the attribute',
        ),
        (
            not create and bool(deploy.partition_key or deploy.sort_key),
            'partition_key and sort_key are for table "create". Remove them, or set table = "create"',
        ),
        (
            deploy.stream_mode == "on-demand" and deploy.shards != 1,
            f'shards is {deploy.shards} and stream_mode is "on-demand", which scales by itself. '
            'Remove shards, or set stream_mode = "provisioned"',
        ),
        # Source: aws/aws-cdk #35903, with CloudFormation's messages for these conflicts.
        (
            wide and (deploy.buffer_mb < 64 or deploy.buffer_s < 60),
            f"buffer_mb is {deploy.buffer_mb} and buffer_s is {deploy.buffer_s}. "
            'With parquet, or [output] partition_by "event", Firehose takes 64 and 60 at least',
        ),
        # Source: Amazon Data Firehose Developer Guide, record-format-conversion: its input is JSON.
        (
            deploy.parquet and settings.output.format == "csv",
            'parquet is true and [output] format is "csv". Use format "jsonl"',
        ),
        (
            deploy.parquet and not settings.output.image,
            "parquet is true and [output] image is false. Parquet has no room for an attribute without "
            "a column: set image = true, so that ddb_image has it",
        ),
        # Source: Kinesis Data Streams Developer Guide, large-records: records above 1 MiB are not supported
        # with dynamic partitioning.
        (
            record_kib > 1024 and settings.output.partition_by == "event",
            f'max_record_kib is {record_kib} and [output] partition_by is "event". Firehose does '
            "not support records above 1 MiB with dynamic partitioning: set max_record_kib = 1024, or "
            'partition by "arrival"',
        ),
        # 6,291,456 bytes. Source: AWS Lambda API Reference, Invoke. The data of a record is in base64.
        (
            record_kib > _MAX_REQUEST_KIB,
            f"max_record_kib is {record_kib}. A record of that size does not fit a request to the function: "
            f"use at most {_MAX_REQUEST_KIB}",
        ),
        (
            bool(deploy.replica_key_arn) and not deploy.replica_bucket_arn,
            "replica_key_arn is set without replica_bucket_arn. Add replica_bucket_arn",
        ),
        (
            bool(deploy.kms_key_arn and deploy.replica_bucket_arn) and not deploy.replica_key_arn,
            "kms_key_arn and replica_bucket_arn are set without replica_key_arn. S3 encrypts the "
            "replica of an "
            "encrypted object with a key of the replica's Region: add replica_key_arn",
        ),
        # Days in the storage class that are billed anyway. Source: Amazon S3 User Guide, storage classes.
        (
            bool(deploy.expire_years) and deploy.expire_years * 365 < deploy.glacier_days + least_days,
            f"expire_years is {deploy.expire_years} and glacier_days is {deploy.glacier_days}. "
            f"{deploy.storage_class} bills {least_days} days at least: keep longer, or move earlier",
        ),
    ]
    return [f"[deploy] {text}" for broken, text in rules if broken]


# What the bucket's own stack decides, so what has no meaning beside `bucket`.
_BUCKET_KEYS = (
    "access_logs",
    "storage_class",
    "glacier_days",
    "glacier_small_objects",
    "expire_years",
    "noncurrent_days",
    "error_days",
    "object_lock",
    "object_lock_days",
    "source_backup_days",
    "replica_bucket_arn",
    "replica_key_arn",
    "reader_account_ids",
)


# What only one road reads.
_KINESIS_KEYS = (
    "stream_mode",
    "shards",
    "stream_retention_days",
    "max_record_kib",
    "handler",
    "processor_buffer_mb",
    "processor_buffer_s",
    "processor_retries",
)
_STREAMS_KEYS = ("batch_records", "batch_window_s", "batches_per_shard", "batch_retries", "record_age_s")


def _source_rules(deploy: "Deploy", settings: Settings) -> list[tuple[bool, str]]:
    streams = deploy.source != "kinesis"
    unused = _changed(deploy, {"streams": _KINESIS_KEYS, "kinesis": _STREAMS_KEYS}.get(deploy.source, ()))
    return [
        (
            bool(unused),
            f'source is "{deploy.source}", which does not use {", ".join(unused)}. Remove them',
        ),
        # No put starts in the last 10 seconds, or 20 while a record is refused. See transform/forwarder.py.
        (
            streams and deploy.timeout_s < 30,
            f'source is "{deploy.source}" and timeout_s is {deploy.timeout_s}. The forwarder keeps 20 '
            "seconds for error objects: use at least 30",
        ),
        # See transform/forwarder.py.
        (
            streams and settings.output.partition_by == "event",
            f'source is "{deploy.source}" and [output] partition_by is "event". A Firehose record of the '
            'Streams road holds rows of several changes: partition by "arrival", or use source "kinesis"',
        ),
        # Source: Amazon Data Firehose Developer Guide, record-format-conversion: one JSON object per record.
        (
            streams and deploy.parquet,
            f'source is "{deploy.source}" and parquet is true. Firehose converts one JSON object per record, '
            'and a record of the Streams road holds many: use JSON lines, or source "kinesis"',
        ),
        (
            streams and deploy.source_backup,
            f'source is "{deploy.source}" and source_backup is true. Firehose backs up what a function '
            'transforms, and the Streams road has none there: remove it, or use source "kinesis"',
        ),
    ]


def _bucket_rules(deploy: "Deploy") -> list[tuple[bool, str]]:
    changed = _changed(deploy, _BUCKET_KEYS)
    return [
        (
            bool(deploy.bucket) and bool(changed),
            f"bucket names a bucket of another stack, which decides {', '.join(changed)}. Remove them here",
        )
    ]


def _changed(deploy: "Deploy", keys: Sequence[str]) -> list[str]:
    """Return those of the keys that do not have their default."""
    defaults = {field.name: field.default for field in fields(deploy)}
    return [key for key in keys if getattr(deploy, key) != defaults[key]]
