"""`ttl-archive verify`: its options and help."""

import sys
from datetime import datetime
from typing import Any

import click

from ttl_archive.replay.commands.options import (
    ON_FAILURE_HELP,
    Moment,
    aws_options,
    report_errors,
)

EDGE_S = 300


@click.command("verify")
@click.option("--bucket", required=True, help="Bucket of the archive.")
@click.option("--since", type=Moment(), help="First day, UTC.  [default: seven days before the end]")
@click.option("--until", type=Moment(), help="End, UTC, exclusive.  [default: today]")
@click.option(
    "--late-days",
    type=click.IntRange(1, 365),
    default=1,
    show_default=True,
    help="How many days after its change a row may have arrived.",
)
@click.option(
    "--edge-s",
    type=click.IntRange(0, 43_200),
    default=EDGE_S,
    show_default=True,
    help="Rows within so many seconds of a day's edges may count for either day.",
)
@click.option(
    "--replica-region",
    "replica_regions",
    multiple=True,
    help="Of a global table: another Region whose deletions count too; may be repeated.",
)
@click.option("--on-failure", metavar="BUCKET", help=ON_FAILURE_HELP.replace("instead of", "beside"))
@click.option("--seal", is_flag=True, help="Seal each day that closes, so that later runs find what changed.")
@click.option("--accept-added", is_flag=True, help="With --seal: seal objects that were added since, too.")
@click.option("--export", "export", metavar="MANIFEST|PREFIX", help="Compare an export with the archive.")
@aws_options
@report_errors
def verify(since: datetime | None, until: datetime | None, **options: Any) -> None:
    """Check that the archive has what DynamoDB deleted, day by day.

    DynamoDB's own count of TTL deletions (CloudWatch) is compared with the rows, which are counted from the
    objects themselves, by the time of their change. A day closes when each deleted item has its row, or when
    the difference is explained: by records in error objects that were waived, or by rows at the day's edges.
    A day whose objects are in GLACIER is "not countable".

    \b
    To verify the last seven days:   ttl-archive verify --bucket my-archive
    To verify some days:
      ttl-archive verify --bucket my-archive --since 2026-11-01 --until 2026-11-08
    To look for rows that arrived late:
      ttl-archive verify --bucket my-archive --since 14d --late-days 7
    To seal the days that close, every day:
      ttl-archive verify --bucket my-archive --since 4d --seal
    To compare with an export, key by key:
      ttl-archive verify --bucket my-archive --export s3://my-exports/devices

    It reads every object of these days. It finds objects that were deleted, truncated, damaged or added, and,
    as long as the bucket keeps their old versions, those that were overwritten. --seal records the objects of
    each day that closes, below audit/ in the bucket. From then on each run names the objects of that day that
    were altered, deleted or added, at any later time, and also in GLACIER.

    Exit codes: 0 every day closes, 1 a day does not close or is not sealed, 2 misused. With --export those of
    `ttl-archive backfill --compare`.
    """
    from ttl_archive.infra.verify.verify_steps import run_verify  # what --help does not need

    sys.exit(run_verify(since, until, **options))
