"""What `ttl-archive report` does: open the place, count, and write the page or the document."""

from pathlib import Path

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.query.open_place import archive_bucket, open_place
from ttl_archive.infra.query.query_options import QueryOptions
from ttl_archive.infra.query.query_places import Storage
from ttl_archive.infra.report.archive_report import (
    ArchiveReport,
    ReportSources,
    count_archive,
    metrics_of,
)
from ttl_archive.infra.report.page import render
from ttl_archive.infra.report.report_document import document
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.commands import show
from ttl_archive.transform.settings import load


def run_report(
    how: QueryOptions, config: Path | None, month: str | None, on_failure: str | None, out: Path
) -> None:
    """Write the page to `out`, or print the document, as `how` says. `on_failure` is a bucket.

    Raises MissingExtraError, SettingsError, QueryError, ReplayError.
    """
    found = _gather(how, config, month, on_failure)
    if how.as_json:
        show.as_json(document(found))
        return
    out.write_text(render(found), encoding="utf-8")
    show.note(f"The report of {found.period.name} is in {out}. Open it with a browser.")


def _gather(
    how: QueryOptions, config: Path | None, month: str | None, on_failure: str | None
) -> ArchiveReport:
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
        return count_archive(ReportSources(settings, deploy, place, storage, count, on_failure), month)
