"""The report as one HTML page, from a template; every text in it is escaped."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ttl_archive.infra.report.archive_report import ArchiveReport
from ttl_archive.infra.report.counted import NotCounted
from ttl_archive.infra.report.object_counts import SIZE_LIMITS, ArchivedObjects
from ttl_archive.infra.report.plots import Plot, bar_plot
from ttl_archive.infra.report.row_counts import LAG_LIMITS_S, RowCounts

_SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_TIME_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def render(report: ArchiveReport) -> str:
    """Return the page. It needs no script and no network, also not for a font or an image."""
    environment = Environment(
        loader=PackageLoader("ttl_archive.infra.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, size=size_text, duration=duration_text, usd=_usd, utc=_utc)
    environment.filters["sentence"] = _sentence
    environment.tests["not_counted"] = lambda value: isinstance(value, NotCounted)
    return environment.get_template("page.html").render(
        report=report,
        rows_plot=_rows_plot(report.rows),
        lag_plot=_lag_plot(report.rows),
        size_plot=_size_plot(report.objects),
        lag_classes=lag_classes(),
        size_classes=size_classes(),
    )


def lag_classes() -> list[str]:
    """Return the names of the classes of lag, in their order."""
    limits = [duration_text(limit) for limit in LAG_LIMITS_S]
    between = [f"{low} to {high}" for low, high in pairwise(limits[1:])]
    return ["before the TTL", f"up to {limits[1]}", *between, f"{limits[-1]} or more"]


def size_classes() -> list[str]:
    """Return the names of the classes of size, in their order."""
    limits = [size_text(limit) for limit in SIZE_LIMITS]
    between = [f"{low} to {high}" for low, high in pairwise(limits)]
    return [f"under {limits[0]}", *between, f"{limits[-1]} or more"]


def size_text(number: int) -> str:
    """Return a number of bytes in binary units, as S3 bills it: 128 KiB."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_SIZE_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f}".removesuffix(".0") + f" {_SIZE_UNITS[unit]}"


def duration_text(seconds: int) -> str:
    """Return a time span in its two largest units: 2 d, 3 h 20 min."""
    rest, parts = abs(seconds), []
    for length, name in _TIME_UNITS:
        number, rest = divmod(rest, length)
        if number:
            parts.append(f"{number} {name}")
    return ("-" if seconds < 0 else "") + (" ".join(parts[:2]) or "0 s")


def _rows_plot(rows: RowCounts | NotCounted) -> Plot | None:
    if isinstance(rows, NotCounted) or not rows.days:
        return None
    return bar_plot("Rows a day", [day.day[5:] for day in rows.days], [day.rows for day in rows.days])


def _lag_plot(rows: RowCounts | NotCounted) -> Plot | None:
    if isinstance(rows, NotCounted) or rows.no_lag or not rows.lags:
        return None
    limits = [duration_text(limit).replace(" ", "") for limit in LAG_LIMITS_S[1:]]
    short = ["early", *(f"<{limit}" for limit in limits), f"≥{limits[-1]}"]
    return bar_plot("Removals by lag", short, rows.lags, every=True)


def _size_plot(objects: ArchivedObjects | NotCounted) -> Plot | None:
    if isinstance(objects, NotCounted):
        return None
    limits = [size_text(limit).removesuffix("iB").replace(" ", "") for limit in SIZE_LIMITS]
    short = [*(f"<{limit}" for limit in limits), f"≥{limits[-1]}"]
    return bar_plot("Objects by size", short, objects.sizes, every=True)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: Any) -> str:
    return f"{value:,}"


def _usd(value: Decimal) -> str:
    """Return US dollars; what is less than a cent keeps its digits, so that it does not look like nothing."""
    if value == 0 or value >= Decimal("0.01"):
        return f"${value:,.2f}"
    return f"${value:.2g}" if value >= Decimal("0.0001") else "under $0.0001"


def _utc(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
