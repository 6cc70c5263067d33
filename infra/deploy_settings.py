"""The [deploy] section of archive.toml: what is chosen for the deployment alone, each key declared once.

Every key with its default, its reason and what is allowed: README.md in this folder, "Settings".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ttl_archive.infra.deploy_conflicts import conflicts
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.setting_rules import read_section, setting
from ttl_archive.transform.settings import Settings

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
    table: Literal["existing", "create"] = setting("existing")
    partition_key: str | None = setting(None, **_ATTRIBUTE)
    sort_key: str | None = setting(None, **_ATTRIBUTE)
    attach: bool = setting(True)
    stream_mode: Literal["on-demand", "provisioned"] = setting("on-demand")
    shards: int = setting(1, least=1, most=10_000)
    # Up to 365 days. Source: Kinesis Data Streams Developer Guide, extended retention.
    stream_retention_days: int = setting(7, least=1, most=365)
    # Source: AWS Lambda Developer Guide, quotas; Firehose waits five minutes at most (data-transformation).
    memory_mb: int = setting(512, least=128, most=10_240)
    timeout_s: int = setting(300, least=10, most=300)
    architecture: Literal["arm64", "x86_64"] = setting("arm64")
    log_retention_days: int = setting(90, allowed=_LOG_DAYS)
    # Source: Amazon Data Firehose Developer Guide, data-transformation (0.2 to 3 MB, 0 to 900 s, 1 to 8).
    processor_buffer_mb: int = setting(1, least=1, most=3)
    processor_buffer_s: int = setting(60, least=0, most=900)
    processor_retries: int = setting(3, least=1, most=8)
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
    kms_key_arn: str | None = setting(
        None,
        pattern=r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
        expected="the ARN of a KMS key",
    )
    access_logs: bool = setting(False)
    storage_class: Literal["GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"] = setting("GLACIER")
    glacier_days: int = setting(30, least=0, most=36_500)
    glacier_small_objects: bool = setting(False)
    expire_years: int = setting(0, least=0, most=100)
    noncurrent_days: int = setting(30, least=1, most=36_500)
    error_days: int = setting(0, least=0, most=36_500)
    object_lock: Literal["off", "governance", "compliance"] = setting("off")
    object_lock_days: int = setting(365, least=1, most=36_500)
    database: str = setting(
        None, pattern=r"[a-z_][a-z0-9_]{0,254}", expected="lower-case letters, digits and '_'"
    )
    scan_limit_gb: int = setting(100, least=1, most=1_000_000)
    query_result_days: int = setting(7, least=1, most=3650)
    alarm_email: str | None = setting(None, pattern=r"[^@\s]+@[^@\s]+", expected="an e-mail address")
    replay_tolerated_failure_percent: int = setting(5, least=0, most=100)
    replay_concurrency: int = setting(10, least=1, most=1000)


# To report the mistakes of this section with all others: `settings.load(path, SECTIONS)`.
SECTIONS: dict[str, type] = {"deploy": Deploy}


def load(settings: Settings) -> Deploy:
    """Return the [deploy] section that came with the settings. Raises SettingsError with every mistake."""
    return parse(settings.sections.get("deploy", {}), settings)


def parse(section: Mapping[str, Any], settings: Settings) -> Deploy:
    """Check a [deploy] section given as a plain dict. Raises SettingsError with every mistake found."""
    problems: list[str] = []
    deploy = read_section(Deploy, "[deploy]", section, problems)
    problems = problems or conflicts(deploy, settings)
    if problems:
        raise SettingsError(settings.file, problems)
    return replace(
        deploy,
        stack_name=deploy.stack_name or _stack_name(settings.table.name),
        database=deploy.database or _database(settings.table.name),
    )


def _stack_name(table: str) -> str:
    return f"ttl-archive-{re.sub('[^A-Za-z0-9]+', '-', table).strip('-')}"[:128]


def _database(table: str) -> str:
    """Athena takes no sign but '_' in a database's name. Source: Athena User Guide, names."""
    return f"ttl_archive_{re.sub('[^a-z0-9]+', '_', table.lower()).strip('_')}"[:255]
