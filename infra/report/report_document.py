"""The report for programs: the same numbers as the page's, as one JSON document."""

from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from ttl_archive.infra.report.archive_report import ArchiveReport
from ttl_archive.infra.report.counted import NotCounted


def document(report: ArchiveReport) -> dict[str, Any]:
    """Return the report as plain values; a part without a number is {"not_counted": reason}."""
    found: dict[str, Any] = _plain(report)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, NotCounted):
        return {"not_counted": value.reason}
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value
