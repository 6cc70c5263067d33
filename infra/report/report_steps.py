"""What `ttl-archive report` does: open the place, count, and write the page or the document."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.query.open_place import archive_bucket, open_place
from ttl_archive.infra.query.query_options import QueryOptions
from ttl_archive.infra.query.query_places import Storage
from ttl_archive.infra.report.archive_report import (
    ArchiveReport,
    ReportSources,
    VerifyDates,
    count_archive,
    metrics_of,
    why_no_metrics,
)
from ttl_archive.infra.report.page import render
from ttl_archive.infra.report.period_verdicts import verify_period
from ttl_archive.infra.report.report_document import document
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.progress import meter
from ttl_archive.replay.errors import MisuseError
from ttl_archive.transform.settings import load


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What is reported: a month or `all`, with the bucket of discarded batches.

    With `verify`, each day gets its verdict; `replica_regions` are those whose deletions count too.
    """

    month: str | None
    on_failure: str | None
    verify: bool
    replica_regions: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise MisuseError for Regions without a verdict that they would be for."""
        if self.replica_regions and not self.verify:
            raise MisuseError("--replica-region is for the verdict on each day: give --verify too")


def run_report(how: QueryOptions, config: Path | None, request: ReportRequest, out: Path) -> None:
    """Write the page to `out`, or print the document, as `how` says.

    Raises MissingExtraError, SettingsError, QueryError, ReplayError.
    """
    found = _gather(how, config, request)
    if how.as_json:
        show.as_json(document(found))
        return
    out.write_text(render(found), encoding="utf-8")
    show.note(f"The report of {found.period.name} is in {out}. Open it with a browser.")


def _gather(how: QueryOptions, config: Path | None, request: ReportRequest) -> ArchiveReport:
    settings = load(config, deploy_settings.SECTIONS)
    clients = Clients(profile=how.profile, region=how.region)
    click.get_current_context().call_on_close(clients.close)
    table = settings.table.name
    with open_place(how, settings) as place:
        if how.place in ("athena", "s3"):
            storage = Storage(settings, clients("s3"), archive_bucket(clients, how, settings))
            count = metrics_of(clients, table)
        else:
            storage, count = Storage(settings, folder=Path(how.place)), metrics_of(None, table)
        deploy = deploy_settings.load(settings)
        sources = ReportSources(settings, deploy, place, storage, count, request.on_failure)
        if request.verify and not storage.folder:
            sources = replace(sources, verify=_verifier(how, clients, storage, request))
        return count_archive(sources, request.month)


def _verifier(how: QueryOptions, clients: Clients, storage: Storage, request: ReportRequest) -> VerifyDates:
    """Return the function that verifies some dates, or says why CloudWatch is not asked."""
    if reason := why_no_metrics(clients):
        return lambda _: reason
    regions = [clients, *(Clients(profile=how.profile, region=name) for name in request.replica_regions)]
    for each in regions[1:]:
        click.get_current_context().call_on_close(each.close)
    return lambda dates: verify_period(
        storage,
        [each("cloudwatch") for each in regions],
        dates,
        datetime.now(UTC),
        on_failure=request.on_failure,
        meter=lambda size: meter("Verifying", size),
    )
