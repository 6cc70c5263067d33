"""The [deploy] section of archive.toml: what is chosen for the deployment alone, each key declared once.

Every key with its default, its reason and what is allowed: README.md in this folder, "Settings".
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ttl_archive.infra.deploy_conflicts import deploy_conflicts
from ttl_archive.infra.export.export_settings import ExportSettings
from ttl_archive.infra.scheduled_reports.report_settings import ReportSettings
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.ingest_settings import Ingest
from ttl_archive.transform.setting_rules import read_section, setting
from ttl_archive.transform.settings import Settings

_HASH_DIGITS = 8


def _texts(pattern: str) -> Callable[[Any], tuple[str, ...]]:
    """Return the conversion of a list of texts that each match the pattern. It raises ValueError."""

    def convert(found: Any) -> tuple[str, ...]:
        texts = found if isinstance(found, list) else [None]
        if not all(isinstance(text, str) and re.fullmatch(pattern, text) for text in texts):
            raise ValueError(found)
        return tuple(texts)

    return convert


_KEY_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+"
_KEY = {"pattern": _KEY_ARN, "expected": "the ARN of a KMS key"}
_ATTRIBUTE = {"pattern": r"(?s).{1,255}", "expected": "the name of an attribute"}
# Source: CloudWatch Logs API Reference, PutRetentionPolicy.
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
             3288, 3653)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deploy:
    """All of [deploy]; None where an optional key is not given."""

    # Without them, the names are made from the table's. See `parse`.
    stack_name: str = setting(
        None,
        pattern=r"[A-Za-z][A-Za-z0-9-]{0,127}",
        expected="a letter, then up to 127 letters, digits or '-'",
    )
    # "both" is for the time in which one road replaces the other.
    source: Literal["kinesis", "streams", "both"] = setting("kinesis")
    table: Literal["existing", "create"] = setting("existing")
    partition_key: str | None = setting(None, **_ATTRIBUTE)
    sort_key: str | None = setting(None, **_ATTRIBUTE)
    attach: bool = setting(True)
    stream_mode: Literal["on-demand", "provisioned"] = setting("on-demand")
    shards: int = setting(1, least=1, most=10_000)
    # Up to 365 days. Source: Kinesis Data Streams Developer Guide, extended retention.
    stream_retention_days: int = setting(7, least=1, most=365)
    # Its default depends on partition_by, see `default_record_kib`.
    # Source: Kinesis Data Streams Developer Guide, large-records.
    max_record_kib: int = setting(None, least=1024, most=10_240)
    # Source: AWS Lambda Developer Guide, quotas; Firehose waits five minutes at most (data-transformation).
    memory_mb: int = setting(512, least=128, most=10_240)
    timeout_s: int = setting(300, least=10, most=300)
    architecture: Literal["arm64", "x86_64"] = setting("arm64")
    handler: Literal["standard", "fast"] = setting("standard")
    log_retention_days: int = setting(90, allowed=_LOG_DAYS)
    # Source: Amazon Data Firehose Developer Guide, data-transformation (0.2 to 3 MB, 0 to 900 s, 1 to 8).
    processor_buffer_mb: int = setting(1, least=1, most=3)
    processor_buffer_s: int = setting(60, least=0, most=900)
    processor_retries: int = setting(3, least=1, most=8)
    # Source: AWS Lambda API Reference, CreateEventSourceMapping. The age stays below the 24 hours of the
    # stream, because whether a record that is trimmed reaches the on-failure bucket is unverified.
    batch_records: int = setting(10_000, least=1, most=10_000)
    batch_window_s: int = setting(60, least=0, most=300)
    batches_per_shard: int = setting(1, least=1, most=10)
    batch_retries: int = setting(30, least=-1, most=10_000)
    record_age_s: int = setting(43_200, least=60, most=82_800)
    # Source: Amazon Data Firehose API Reference, BufferingHints.
    buffer_mb: int = setting(128, least=1, most=128)
    buffer_s: int = setting(900, least=0, most=900)
    parquet: bool = setting(False)
    source_backup: bool = setting(False)
    source_backup_days: int = setting(365, least=1, most=36_500)
    # Source: Amazon S3 User Guide, bucket naming rules.
    bucket: str | None = setting(
        None, pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", expected="the name of an existing bucket"
    )
    kms_key_arn: str | None = setting(None, **_KEY)
    kms_previous_key_arns: tuple[str, ...] = setting(
        (), convert=_texts(_KEY_ARN), expected="a list of ARNs of KMS keys"
    )
    operations_key_arn: str | None = setting(None, **_KEY)
    access_logs: bool = setting(False)
    storage_class: Literal["GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"] = setting("GLACIER")
    glacier_days: int = setting(30, least=0, most=36_500)
    glacier_small_objects: bool = setting(False)
    expire_years: int = setting(0, least=0, most=100)
    noncurrent_days: int = setting(30, least=1, most=36_500)
    error_days: int = setting(0, least=0, most=36_500)
    object_lock: Literal["off", "governance", "compliance"] = setting("off")
    object_lock_days: int = setting(365, least=1, most=36_500)
    replica_bucket_arn: str | None = setting(
        None,
        pattern=r"arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        expected="the ARN of a bucket with versioning",
    )
    replica_key_arn: str | None = setting(None, **_KEY)
    reader_account_ids: tuple[str, ...] = setting(
        (), convert=_texts(r"\d{12}"), expected="a list of account ids of 12 digits"
    )
    database: str = setting(
        None, pattern=r"[a-z_][a-z0-9_]{0,254}", expected="lower-case letters, digits and '_'"
    )
    scan_limit_gb: int = setting(100, least=1, most=1_000_000)
    query_result_days: int = setting(7, least=1, most=3650)
    alarm_email: str | None = setting(None, pattern=r"[^@\s]+@[^@\s]+", expected="an e-mail address")
    replay_tolerated_failure_percent: int = setting(5, least=0, most=100)
    replay_concurrency: int = setting(10, least=1, most=1000)
    # 128 and 256 characters. Source: Tagging AWS Resources, tag naming limits.
    tags: tuple[str, ...] = setting(
        (), convert=_texts(r"[^=]{1,128}=.{0,256}"), expected='a list of texts, as ["team=data"]'
    )
    permissions_boundary: str | None = setting(
        None,
        pattern=r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+",
        expected="the ARN of a managed policy",
    )

    @property
    def kinesis_road(self) -> bool:
        """Return whether changes travel through a Kinesis data stream."""
        return self.source != "streams"

    @property
    def streams_road(self) -> bool:
        """Return whether changes travel through the table's own stream."""
        return self.source != "kinesis"

    @property
    def readable_key_arns(self) -> tuple[str, ...]:
        """Return every customer key that may have encrypted data of the archive, the current one first."""
        return ((self.kms_key_arn,) if self.kms_key_arn else ()) + self.kms_previous_key_arns


# To report the mistakes of these sections with all others: `settings.load(path, SECTIONS)`.
SECTIONS: dict[str, Any] = {
    "deploy": Deploy,
    "export": ExportSettings,
    "ingest": Ingest,
    "reports": list[ReportSettings],
}


def load(settings: Settings) -> Deploy:
    """Return the [deploy] section that came with the settings. Raises SettingsError with every mistake."""
    return parse(settings.sections.get("deploy", {}), settings)


def parse(section: Mapping[str, Any], settings: Settings) -> Deploy:
    """Check a [deploy] section given as a plain dict. Raises SettingsError with every mistake found."""
    problems: list[str] = []
    deploy = read_section(Deploy, "[deploy]", section, problems)
    problems = problems or deploy_conflicts(deploy, settings)
    if problems:
        raise SettingsError(settings.file, problems)
    return replace(
        deploy,
        stack_name=deploy.stack_name or _stack_name(settings.table.name),
        database=deploy.database or _database(settings.table.name),
        max_record_kib=deploy.max_record_kib or default_record_kib(settings),
    )


def default_record_kib(settings: Settings) -> int:
    """Return the largest size that Firehose supports: with dynamic partitioning it is 1 MiB.

    4,096 KiB hold the removal of any item, because the largest is 3.52 MiB (400 KiB of empty strings).
    Source: Kinesis Data Streams Developer Guide, large-records; the size is computed from the record's shape.
    """
    return 1024 if settings.output.partition_by == "event" else 4096


def shorten(text: str, length: int, separator: str = "-") -> str:
    """Return the text, or its beginning and a hash of it, so that two long texts never become the same."""
    if len(text) <= length:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{text[: length - _HASH_DIGITS - 1].rstrip('-_')}{separator}{digest}"


def _stack_name(table: str) -> str:
    return shorten(f"ttl-archive-{re.sub('[^A-Za-z0-9]+', '-', table).strip('-')}", 128)


def _database(table: str) -> str:
    """Return a name of letters, digits and '_', as Athena requires. Source: Athena User Guide, names."""
    return shorten(f"ttl_archive_{re.sub('[^a-z0-9]+', '_', table.lower()).strip('_')}", 255, "_")
