"""What a query reads, and what it does not see: said before the answer.

An object in GLACIER is skipped by both engines without an error, and a record that failed is in no delivered
file. So an answer can be too small, and only a listing of the bucket shows it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.scan_cost import billed_scan
from ttl_archive.infra.query.stored_files import StoredFiles, date_of
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.claims import Claims
from ttl_archive.replay.commands.show import plural, size
from ttl_archive.replay.error_objects.survey import Filter, survey
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState
from ttl_archive.replay.restore.retrieval_cost import Estimate, estimate
from ttl_archive.transform.layout import errors_folder
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

_TIER, _DAYS = "Standard", 7
_NOT_IN_ANSWERS = (State.OPEN, State.REFUSED)


@dataclass(frozen=True, slots=True)
class Coverage:
    """The delivered files of the queried dates; `frozen` are those in GLACIER that cannot be read now.

    A query that reads no delivered file has no `dates`. `errors` counts error objects by state, without
    those of the Streams road's on-failure bucket, which is not listed: `on_failure` is whether there is one.
    """

    dates: DateRange | None
    date_column: str
    bucket: str
    read: tuple[ArchivedObject, ...]
    frozen: tuple[ArchivedObject, ...]
    days: int
    all_dates: tuple[str, ...]
    errors: Counter[str] = field(default_factory=Counter)
    on_failure: bool = False

    @property
    def read_bytes(self) -> int:
        """The size of the files that are read."""
        return sum(each.size for each in self.read)

    @property
    def retrieval(self) -> Estimate | None:
        """What a retrieval of the frozen files costs, or None when there are none."""
        return estimate(self.frozen, _TIER, _DAYS) if self.frozen else None

    def sentences(self) -> Iterator[str]:
        """Yield what the user must know before the answer; nothing when the query sees everything."""
        if self.dates is not None:
            if not self.read and not self.frozen:
                yield self._no_date(self.dates)
            elif not self.dates.is_filtered:
                yield self._no_filter()
            if self.frozen:
                yield self._in_glacier()
        if self.errors:
            yield self._failed()
        if self.on_failure and self.bucket and self.dates is not None:
            yield self._maybe_discarded()

    def document(self) -> dict[str, Any]:
        """Return the coverage for `--json`."""
        cost = self.retrieval
        dates = self.dates or DateRange()
        return {
            "first_date": dates.first,
            "last_date": dates.last,
            "days": self.days,
            "objects": len(self.read),
            "bytes": self.read_bytes,
            "glacier_objects": len(self.frozen),
            "glacier_bytes": cost.size if cost else 0,
            "retrieval_usd": round(cost.usd, 4) if cost else 0,
            "retrieval_takes": cost.takes if cost else None,
            "restore": self.restore_line() if self.frozen else None,
            "error_objects": dict(self.errors),
        }

    def restore_line(self) -> str:
        """Return the command that retrieves the frozen files and writes their rows."""
        dates = sorted(filter(None, (_day(each, self.date_column) for each in self.frozen)))
        when = f" --since {dates[0]} --until {dates[-1] + timedelta(days=1)}" if dates else ""
        return f"ttl-archive restore --bucket {self.bucket}{when} --out restored.jsonl"

    def _no_filter(self) -> str:
        cost = f" (about ${billed_scan(self.read_bytes).usd:.4f} in Athena)" if self.bucket else ""
        return (
            f"The query has no filter on {self.date_column}: it reads {plural(self.days, 'day')}, "
            f"{plural(len(self.read), 'object')}, {size(self.read_bytes)}{cost}."
        )

    def _no_date(self, dates: DateRange) -> str:
        if not self.all_dates:
            return "Nothing was delivered yet."
        there = f"There are files of {self.all_dates[0]} to {self.all_dates[-1]}."
        if not dates.is_filtered:
            return there
        asked = f"{dates.first or 'the beginning'} to {dates.last or 'today'}"
        nearest = _nearest(dates, self.all_dates)
        return (
            f"No file was delivered with {self.date_column} from {asked}. {there} The nearest is {nearest}."
        )

    def _in_glacier(self) -> str:
        cost = self.retrieval
        assert cost is not None  # noqa: S101  the caller has checked that there are frozen files
        coming = sum(each.retrieval is RetrievalState.IN_PROGRESS for each in self.frozen)
        progress = f" ({coming:,} of them are being retrieved)" if coming else ""
        verb = "is" if cost.objects == 1 else "are"
        what = f"{plural(cost.objects, 'object')}, {size(cost.size)}, of these dates {verb} in GLACIER"
        how = f"({_TIER}, readable for {_DAYS} days) takes {cost.takes} and costs about ${cost.usd:,.2f}"
        return (
            f"{what} and not in the answer{progress}. Their retrieval {how}, at the prices of us-east-1:"
            f"\n  {self.restore_line()}"
        )

    def _failed(self) -> str:
        counted = " and ".join(
            f"{plural(n, 'error object')} {state}" for state, n in sorted(self.errors.items())
        )
        where = f"\n  ttl-archive replay list --bucket {self.bucket} --why" if self.bucket else ""
        return f"Of these dates there are {counted}, whose records are not in the answer.{where}"

    def _maybe_discarded(self) -> str:
        return (
            "Batches that the Streams road discarded are in the stack's on-failure bucket, which is not "
            "listed here. Their records are not in the answer."
            f"\n  ttl-archive replay list --bucket {self.bucket} --on-failure FAILURE-BUCKET"
        )


def cover(
    files: StoredFiles, dates: DateRange | None, settings: Settings, *, bucket: str = "", errors: Counter[str]
) -> Coverage:
    """Return the coverage of a query that reads these dates; every file must have its retrieval state."""
    column = settings.output.date_column
    found = {each: date_of(each.key, settings) for each in files.delivered}
    asked = [each for each in files.delivered if dates is not None and has_date(dates, found[each])]
    read = tuple(each for each in asked if each.retrieval is RetrievalState.READABLE)
    frozen = tuple(each for each in asked if each.retrieval is not RetrievalState.READABLE)
    days = len({found[each] for each in asked})
    all_dates = tuple(sorted({each for each in found.values() if each is not None}))
    on_failure = deploy_settings.load(settings).streams_road
    return Coverage(dates, column, bucket, read, frozen, days, all_dates, errors, on_failure)


def has_date(dates: DateRange, folder: str | None) -> bool:
    """Return whether a file is read; one that is in no folder of a date, only without a filter."""
    return not dates.is_filtered if folder is None else dates.has(folder)


def error_states(claims: Claims, settings: Settings, dates: DateRange) -> Counter[str]:
    """Count the error objects of the dates whose records are in no answer, by state. Raises as `survey`."""
    found = survey(claims, errors_folder(settings), Filter(), transform_identity(settings))
    selected = (each for each in found if dates.has(each.object.time.date().isoformat()))
    return Counter(each.state.value for each in selected if each.state in _NOT_IN_ANSWERS)


def _day(archived: ArchivedObject, date_column: str) -> date | None:
    name = next((part for part in archived.key.split("/") if part.startswith(f"{date_column}=")), "")
    try:
        return date.fromisoformat(name.removeprefix(f"{date_column}="))
    except ValueError:
        return None


def _nearest(dates: DateRange, there: Sequence[str]) -> str:
    """Return the date that is closest to the range, before or after it."""
    before = [each for each in there if dates.first is not None and each < dates.first]
    after = [each for each in there if dates.last is not None and each > dates.last]
    return " and ".join([*before[-1:], *after[:1]]) or there[-1]
