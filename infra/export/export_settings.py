"""The section [export] of archive.toml: exports of the table on a schedule. Without it there are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.setting_rules import read_section, setting
from ttl_archive.transform.settings import Settings

_MOST_INCREMENTAL = 24 * 60


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """All of [export]."""

    kind: Literal["incremental", "full"] = setting("incremental")
    # An incremental window has 15 minutes to 24 hours. Source: DynamoDB Developer Guide,
    # s3dataexport-requesting.
    every_minutes: int = setting(24 * 60, least=15, most=366 * 24 * 60)
    keep_days: int = setting(90, least=1, most=36_500)


def load_export(settings: Settings) -> ExportSettings | None:
    """Return the section, or None without it. Raises SettingsError with every mistake."""
    section: Mapping[str, Any] | None = settings.sections.get("export")
    if section is None:
        return None
    problems: list[str] = []
    export = read_section(ExportSettings, "[export]", section, problems)
    if not problems and export.kind == "incremental" and export.every_minutes > _MOST_INCREMENTAL:
        problems.append(
            f'[export] every_minutes is {export.every_minutes} and kind is "incremental". A window has at '
            "most 24 hours: use 1440 or less"
        )
    if problems:
        raise SettingsError(settings.file, problems)
    return export
