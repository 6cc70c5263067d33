"""The [deploy] section of archive.toml: what is chosen for the deployment alone, as frozen values.

Every key with its default, its reason and what is allowed: README.md in this folder, "Settings".
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ttl_archive.infra.deploy_schema import DEPLOY, conflicts
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.settings_schema import DEPLOY_SECTION, check_section


@dataclass(frozen=True, slots=True)
class Deploy:
    """All of [deploy], one field for each key; None where an optional key is not given."""

    stack_name: str
    table: Literal["existing", "create"]
    partition_key: str | None
    sort_key: str | None
    attach: bool
    stream_mode: Literal["on-demand", "provisioned"]
    shards: int
    stream_retention_days: int
    memory_mb: int
    timeout_s: int
    architecture: Literal["arm64", "x86_64"]
    log_retention_days: int
    processor_buffer_mb: int
    processor_buffer_s: int
    processor_retries: int
    buffer_mb: int
    buffer_s: int
    parquet: bool
    source_backup: bool
    source_backup_days: int
    bucket: str | None
    kms_key_arn: str | None
    access_logs: bool
    storage_class: Literal["GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"]
    glacier_days: int
    glacier_small_objects: bool
    expire_years: int
    noncurrent_days: int
    error_days: int
    object_lock: Literal["off", "governance", "compliance"]
    object_lock_days: int
    database: str
    scan_limit_gb: int
    query_result_days: int
    alarm_email: str | None
    replay_tolerated_failure_percent: int
    replay_concurrency: int


def load(settings: Settings) -> Deploy:
    """The [deploy] section of the file that the settings came from.

    Raises SettingsError with every mistake found.
    """
    document = tomllib.loads(Path(settings.file).read_text(encoding="utf-8"))
    return parse(document.get(DEPLOY_SECTION, {}), settings)


def mistakes(file: str) -> list[str]:
    """What is wrong in the [deploy] section of a file whose other sections cannot be used, key by key."""
    try:
        document = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # told already by who read the other sections
    return check_section(f"[{DEPLOY_SECTION}]", DEPLOY, document.get(DEPLOY_SECTION, {}))[1]


def parse(section: Mapping[str, Any], settings: Settings) -> Deploy:
    """Check a [deploy] section given as a plain dict. Raises SettingsError with every mistake found."""
    found, problems = check_section(f"[{DEPLOY_SECTION}]", DEPLOY, section)
    problems = problems or conflicts(found, settings)
    if problems:
        raise SettingsError(settings.file, problems)
    deploy = Deploy(**found)
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
