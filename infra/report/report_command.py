"""`ttl-archive report`: its options and help."""

from pathlib import Path

import click

from ttl_archive.infra.query.query_options import QueryOptions, answer_place_options
from ttl_archive.replay.commands.options import (
    MISUSED,
    ON_FAILURE_HELP,
    aws_options,
    fail,
    report_errors,
    split_url,
)


@click.command("report", short_help="Write a page about the archive: rows, sizes, failures, costs.")
@click.option(
    "--month",
    metavar="YYYY-MM|all",
    help="Month in UTC, or all dates.  [default: the last month with an object]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="File to write.",
)
@answer_place_options
@click.option("--on-failure", metavar="BUCKET", help=ON_FAILURE_HELP)
@click.option("--verify", is_flag=True, help="Verify each day too; this reads every object of the period.")
@click.option(
    "--replica-region",
    "replica_regions",
    multiple=True,
    help="With --verify, of a global table: a Region whose deletions count too; may be repeated.",
)
@aws_options
@report_errors
def report(
    month: str | None,
    out: Path,
    place: str,
    bucket: str | None,
    on_failure: str | None,
    verify: bool,
    replica_regions: tuple[str, ...],
    config: Path | None,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Write one HTML page about the archive, which needs no network and no script to be read.

    It has the verdict on each day (with --verify), rows a day, the time from TTL to removal, objects and
    bytes by storage class, object sizes, drops by rule, error objects by state and cause, replays, and the
    cost by part. What cannot be counted says why.

    \b
    To report the last month with Athena:   ttl-archive report
    Without Athena, from the bucket:        ttl-archive report --on s3 --bucket my-archive
    From a folder of delivered files:       ttl-archive report --on delivered
    To report one month into a file:        ttl-archive report --month 2026-11 --out november.html
    To say whether anything is missing:     ttl-archive report --verify
    To get the numbers for a program:       ttl-archive report --json

    Exit codes: 0 written, 1 failed, 2 misused. With --json, the numbers are printed and no page is written.
    """
    # --help does not need these.
    from ttl_archive.infra.query.query_errors import MissingExtraError
    from ttl_archive.infra.report.report_steps import ReportRequest, run_report

    how = QueryOptions(place, bucket, profile, region, "table", None, as_json, check=True)
    try:
        batches = split_url(on_failure)[0] if on_failure else None
        run_report(how, config, ReportRequest(month, batches, verify, replica_regions), out)
    except MissingExtraError as error:
        fail(str(error), MISUSED)
