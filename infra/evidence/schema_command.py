"""`ttl-archive schema infer | diff | apply`: items against archive.toml, and archive.toml against Athena."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ttl_archive.infra.evidence.sample_options import files_argument, limit_option
from ttl_archive.replay.commands.options import Moment, aws_options, report_errors, stack

Command = TypeVar("Command", bound=Callable[..., Any])

source_options = stack(
    files_argument,
    click.option("--live", is_flag=True, help="Read the table that archive.toml names."),
    click.option("--bucket", help="Read the rows that were delivered to this bucket."),
    click.option("--since", type=Moment(), help="With --bucket: changes at this time or later, UTC."),
    click.option("--until", type=Moment(), help="With --bucket: changes before this time, UTC."),
    limit_option,
)


@click.group()
def schema() -> None:
    """Compare the columns with the items, and keep the relations in Athena up to date.

    \b
    To see what is open:                   ttl-archive schema diff --live
    To compare with delivered rows:        ttl-archive schema diff --bucket my-archive --since 7d
    To get the columns that are missing:   ttl-archive schema infer --live >> archive.toml
    To see what an update would do:        ttl-archive schema apply --dry-run
    To update the relations in Athena:     ttl-archive schema apply

    On one machine the relations are made from archive.toml at each query, so there is nothing to apply.

    Exit codes: 0 nothing is open, 1 something is open or failed, 2 misused, 4 nothing found.
    """


@schema.command("infer")
@source_options
@click.option("--all", "every", is_flag=True, help="Also attributes that have a column already.")
@aws_options
@report_errors
def infer_command(every: bool, as_json: bool, **options: Any) -> None:
    """Print [[columns]] for the attributes without one, with types that every value of the sample fits.

    \b
    To add them to the file:     ttl-archive schema infer --live >> archive.toml
    To read files of items:      ttl-archive schema infer items.jsonl
    To read an export:           ttl-archive schema infer export/manifest-summary.json
    To see all columns:          ttl-archive schema infer --live --all
    """
    from ttl_archive.infra.evidence.schema_run import SampleOptions, run_infer  # what --help does not need

    run_infer(SampleOptions(**options), every=every, as_json=as_json)


@schema.command("diff")
@source_options
@click.option("--deployed", is_flag=True, help="Compare archive.toml with Athena too.")
@aws_options
@report_errors
def diff_command(deployed: bool, as_json: bool, **options: Any) -> None:
    """Show what is open between the items and archive.toml; exit with 1 when something is.

    Reports attributes without a column, values that do not fit the type of their column, columns and keys
    that no item has or that differ by case only, items that the transform would refuse, and items that would
    never expire.

    \b
    To compare with the table:             ttl-archive schema diff --live
    To compare with delivered rows:        ttl-archive schema diff --bucket my-archive --since 7d
    To compare with files of items:        ttl-archive schema diff items.jsonl
    To compare archive.toml with Athena:   ttl-archive schema diff --deployed

    --live takes the permissions dynamodb:DescribeTable, dynamodb:DescribeTimeToLive and dynamodb:Scan;
    --bucket takes s3:ListBucket and s3:GetObject; --deployed takes glue:GetTable.
    """
    from ttl_archive.infra.evidence.schema_run import SampleOptions, run_diff

    run_diff(SampleOptions(**options), deployed=deployed, as_json=as_json)


@schema.command("apply")
@click.option("--dry-run", is_flag=True, help="Print what would be done.")
@aws_options
@report_errors
def apply_command(dry_run: bool, as_json: bool, **options: Any) -> None:
    """Regenerate the relations in Athena from archive.toml, between deployments.

    Updates the columns of Glue's table archive_files and replaces the views. Nothing is dropped, and no row
    is rewritten: an attribute that gets a column is found in old rows at once. A change that would make rows
    unreadable is refused. Deploy the same archive.toml later, so that the stack agrees.

    \b
    To see what would be done:     ttl-archive schema apply --dry-run
    To do it:                      ttl-archive schema apply
    To look at the result:         ttl-archive schema diff --deployed

    It takes the permissions glue:GetTable, glue:UpdateTable, athena:StartQueryExecution and
    athena:GetQueryExecution, and what the workgroup needs: see ttl-archive docs deploy.
    """
    from ttl_archive.infra.evidence.apply_run import run_apply

    run_apply(dry_run=dry_run, as_json=as_json, **options)
