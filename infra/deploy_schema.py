"""What [deploy] may hold: every key with its default, what is allowed, and what does not go together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ttl_archive.transform.settings import Settings
from ttl_archive.transform.settings_schema import DEPLOY_SECTION, Key


@dataclass(frozen=True, slots=True)
class Number(Key):
    """A whole number within bounds, both included."""

    least: int = 0
    most: int = 0

    def accepts(self, value: object) -> bool:
        """Whether the value is a whole number within the bounds."""
        return type(value) is int and self.least <= value <= self.most

    def told(self) -> str:
        """The bounds, in words."""
        return f"a whole number from {self.least} to {self.most}"


def _number(default: int, least: int, most: int) -> Number:
    return Number(int, default, least=least, most=most)


def _choice(default: str, *others: str) -> Key:
    return Key(str, default, (default, *others))


def _text(pattern: str, words: str) -> Key:
    return Key(str, pattern=pattern, words=words, optional=True)


# Source: CloudWatch Logs API Reference, PutRetentionPolicy.
_LOG_DAYS = "1|3|5|7|14|30|60|90|120|150|180|365|400|545|731|1096|1827|2192|2557|2922|3288|3653"
_ATTRIBUTE = _text(r"(?s).{1,255}", "the name of an attribute")
_TABLE_KEYS = ("partition_key", "sort_key")
DEPLOY: dict[str, Key] = {
    "stack_name": _text(r"[A-Za-z][A-Za-z0-9-]{0,127}", "a letter, then up to 127 letters, digits or '-'"),
    "table": _choice("existing", "create"),
    "partition_key": _ATTRIBUTE,
    "sort_key": _ATTRIBUTE,
    "attach": Key(bool, True),
    "stream_mode": _choice("on-demand", "provisioned"),
    "shards": _number(1, 1, 10_000),
    # Up to 365 days. Source: Kinesis Data Streams Developer Guide, extended retention.
    "stream_retention_days": _number(7, 1, 365),
    # Source: AWS Lambda Developer Guide, quotas; Firehose waits five minutes at most (data-transformation).
    "memory_mb": _number(512, 128, 10_240),
    "timeout_s": _number(300, 10, 300),
    "architecture": _choice("arm64", "x86_64"),
    "log_retention_days": Key(int, 90, pattern=_LOG_DAYS, words="one of " + _LOG_DAYS.replace("|", ", ")),
    # Source: Amazon Data Firehose Developer Guide, data-transformation (0.2 to 3 MB, 0 to 900 s, 1 to 8).
    "processor_buffer_mb": _number(1, 1, 3),
    "processor_buffer_s": _number(60, 0, 900),
    "processor_retries": _number(3, 1, 8),
    # Source: Amazon Data Firehose API Reference, BufferingHints.
    "buffer_mb": _number(128, 1, 128),
    "buffer_s": _number(900, 0, 900),
    "parquet": Key(bool, False),
    "source_backup": Key(bool, False),
    "source_backup_days": _number(365, 1, 36_500),
    # Source: Amazon S3 User Guide, bucket naming rules.
    "bucket": _text(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an existing bucket"),
    "kms_key_arn": _text(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+", "the ARN of a KMS key"),
    "access_logs": Key(bool, False),
    "storage_class": _choice("GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"),
    "glacier_days": _number(30, 0, 36_500),
    "glacier_small_objects": Key(bool, False),
    "expire_years": _number(0, 0, 100),
    "noncurrent_days": _number(30, 1, 36_500),
    "error_days": _number(0, 0, 36_500),
    "object_lock": _choice("off", "governance", "compliance"),
    "object_lock_days": _number(365, 1, 36_500),
    "database": _text(r"[a-z_][a-z0-9_]{0,254}", "lower-case letters, digits and '_'"),
    "scan_limit_gb": _number(100, 1, 1_000_000),
    "query_result_days": _number(7, 1, 3650),
    "alarm_email": _text(r"[^@\s]+@[^@\s]+", "an e-mail address"),
    "replay_tolerated_failure_percent": _number(5, 0, 100),
    "replay_concurrency": _number(10, 1, 1000),
}


def conflicts(deploy: Mapping[str, Any], settings: Settings) -> list[str]:
    """One sentence for keys that are good alone but not together, or not with the rest of archive.toml."""
    wide = deploy["parquet"] or settings.output.partition_by == "event"
    least_days = {"DEEP_ARCHIVE": 180}.get(deploy["storage_class"], 90)
    create, rules = deploy["table"] == "create", []
    rules += _bucket_rules(deploy)
    rules += [
        (
            create and not deploy["partition_key"],
            'table is "create" without partition_key. Name the attribute',
        ),
        (
            not create and any(deploy[key] for key in _TABLE_KEYS),
            'partition_key and sort_key are for table "create". Remove them, or set table = "create"',
        ),
        # Source: messages of CloudFormation for BufferingHints, dynamic partitioning and format conversion.
        (
            wide and (deploy["buffer_mb"] < 64 or deploy["buffer_s"] < 60),
            f"buffer_mb is {deploy['buffer_mb']} and buffer_s is {deploy['buffer_s']}. "
            'With parquet, or [output] partition_by "event", Firehose takes 64 and 60 at least',
        ),
        # Source: Amazon Data Firehose Developer Guide, record-format-conversion: its input is JSON.
        (
            deploy["parquet"] and settings.output.format == "csv",
            'parquet is true and [output] format is "csv". Use format "jsonl"',
        ),
        (
            deploy["parquet"] and not settings.output.image,
            "parquet is true and [output] image is false. Parquet has no room for an attribute without "
            "a column: set image = true, so that ddb_image has it",
        ),
        # Days in the storage class that are billed anyway. Source: Amazon S3 User Guide, storage classes.
        (
            bool(deploy["expire_years"])
            and deploy["expire_years"] * 365 < deploy["glacier_days"] + least_days,
            f"expire_years is {deploy['expire_years']} and glacier_days is {deploy['glacier_days']}. "
            f"{deploy['storage_class']} bills {least_days} days at least: keep longer, or move earlier",
        ),
    ]
    return [f"[{DEPLOY_SECTION}] {text}" for broken, text in rules if broken]


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
)


def _bucket_rules(deploy: Mapping[str, Any]) -> list[tuple[bool, str]]:
    changed = [key for key in _BUCKET_KEYS if deploy[key] != DEPLOY[key].default]
    return [
        (
            bool(deploy["bucket"]) and bool(changed),
            f"bucket names a bucket of another stack, which decides {', '.join(changed)}. Remove them here",
        )
    ]
