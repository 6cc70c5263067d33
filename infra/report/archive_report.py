"""All that the page says, gathered as one value; each part is counted, or says why it is not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from os import environ
from typing import Any

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.prices import prices
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import QueryPlace, Storage
from ttl_archive.infra.query.stored_files import date_of
from ttl_archive.infra.report.counted import NotCounted, count_or_explain
from ttl_archive.infra.report.failure_report import (
    FailedObjects,
    Replays,
    count_failed_objects,
    count_replays,
)
from ttl_archive.infra.report.function_counts import FunctionCounts, sum_metrics
from ttl_archive.infra.report.object_counts import ArchivedObjects, count_objects, list_objects
from ttl_archive.infra.report.period_costs import CostPart, flow_costs, storage_costs, total_usd
from ttl_archive.infra.report.period_verdicts import NOT_ASKED, PeriodVerdicts, verify_arguments
from ttl_archive.infra.report.report_period import ReportPeriod, period_of
from ttl_archive.infra.report.row_counts import RowCounts, count_rows
from ttl_archive.replay.aws import Clients
from ttl_archive.transform.settings import Settings

CountFunctions = Callable[[DateRange], FunctionCounts | NotCounted]
VerifyDates = Callable[[DateRange], PeriodVerdicts | NotCounted]
_FOLDER_ONLY = "a folder of files has no {}. Name the bucket: --on s3 --bucket BUCKET"


_DISCARDED = "batches that Lambda discarded on the Streams road. Name their bucket with --on-failure"


@dataclass(frozen=True, slots=True)
class ReportSources:
    """What a report is made from.

    `count_functions` returns the functions' sums of the period, and `verify` the verdicts on its days.
    """

    settings: Settings
    deploy: Deploy
    place: QueryPlace
    storage: Storage
    count_functions: CountFunctions
    on_failure: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    verify: VerifyDates = lambda _: NotCounted(NOT_ASKED)


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """The content of the page."""

    table: str
    where: str
    period: ReportPeriod
    made: datetime
    arrival: bool  # whether a day is that of arrival, and not that of the change
    verdicts: PeriodVerdicts | NotCounted
    verify_command: str | None  # that says more about the verdicts; a folder has none
    rows: RowCounts | NotCounted
    objects: ArchivedObjects | NotCounted
    functions: FunctionCounts | NotCounted
    failed: FailedObjects | NotCounted
    replays: Replays | NotCounted
    costs: tuple[CostPart, ...]
    total: Decimal | NotCounted


def count_archive(sources: ReportSources, month: str | None) -> ArchiveReport:
    """Count everything of a month, `YYYY-MM` or `all`; by default, of the last one that has an object.

    Raises MisuseError for another text; what cannot be counted raises nothing, and is in the report.
    """
    settings, storage = sources.settings, sources.storage
    listed = count_or_explain(lambda: list_objects(storage))
    known = [] if isinstance(listed, NotCounted) else listed
    days = sorted(filter(None, (date_of(each.key, settings) for each in known)))
    period = period_of(month, days, sources.now())
    dates = period.dates
    objects = listed if isinstance(listed, NotCounted) else count_objects(listed, storage, dates)
    functions = count_or_explain(lambda: sources.count_functions(dates))
    price = prices()
    parts = [*storage_costs(price, objects), *flow_costs(price, functions, sources.deploy)]
    return ArchiveReport(
        table=settings.table.name,
        where=str(storage.folder) if storage.folder else f"s3://{storage.bucket}",
        period=period,
        made=sources.now(),
        arrival=settings.output.partition_by == "arrival",
        verdicts=_of_bucket(storage, "count of the items that TTL deleted", lambda: sources.verify(dates)),
        verify_command=_verify_command(sources, dates),
        rows=count_or_explain(lambda: count_rows(sources.place, settings, dates)),
        objects=objects,
        functions=functions,
        failed=_failed(sources, period),
        replays=_of_bucket(storage, "claims of replays", lambda: count_replays(storage, period.times)),
        costs=tuple(parts),
        total=total_usd(parts),
    )


def _failed(sources: ReportSources, period: ReportPeriod) -> FailedObjects | NotCounted:
    """Count error objects; report discarded batches as not counted when their bucket is not named."""
    storage, on_failure = sources.storage, sources.on_failure
    found: FailedObjects | NotCounted = _of_bucket(
        storage,
        "error objects with their states",
        lambda: count_failed_objects(storage, period.times, on_failure=on_failure),
    )
    if isinstance(found, NotCounted) or on_failure or not sources.deploy.streams_road:
        return found
    return replace(found, problems=(*found.problems, _DISCARDED))


def _verify_command(sources: ReportSources, dates: DateRange) -> str | None:
    if sources.storage.folder:
        return None
    batches = f" --on-failure {sources.on_failure}" if sources.on_failure else ""
    return f"ttl-archive verify --bucket {sources.storage.bucket}{batches} {verify_arguments(dates)}"


def why_no_metrics(clients: Clients) -> NotCounted | None:
    """Return why CloudWatch is not asked: metrics of AWS say nothing about a bucket at another endpoint."""
    if clients.has_own_endpoint() and not (
        environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT_URL_CLOUDWATCH")
    ):
        return NotCounted("S3 has an endpoint of its own, and CloudWatch has none beside it")
    return None


def metrics_of(clients: Clients | None, table: str) -> CountFunctions:
    """Return the function that asks CloudWatch for the sums of some dates, or says why it does not.

    A folder has no `clients`.
    """
    if clients is None:
        return lambda _: NotCounted(_FOLDER_ONLY.format("metrics"))
    if reason := why_no_metrics(clients):
        return lambda _: reason
    return lambda dates: sum_metrics(clients("cloudwatch"), table, dates, datetime.now(UTC))


def _of_bucket(storage: Storage, what: str, count: Callable[[], Any]) -> Any:
    return NotCounted(_FOLDER_ONLY.format(what)) if storage.folder else count_or_explain(count)
