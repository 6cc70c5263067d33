"""`ttl-archive backfill`: its options and help, and what it prints."""

import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

import click

from ttl_archive.replay.backfill.backfill_file import BackfillRun, FileEnding, FileOutcome
from ttl_archive.replay.backfill.backfill_run import (
    BackfillSummary,
    check_settings,
    find_exports,
    run_backfill,
)
from ttl_archive.replay.backfill.distributed_backfill import machine_input, recorded, summary_of_records
from ttl_archive.replay.backfill.item_choice import Choice
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.distributed import run_in_state_machine
from ttl_archive.replay.commands.options import Place, aws_options, report_errors, work_options
from ttl_archive.replay.commands.progress import meter
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.items.export_manifest import Export
from ttl_archive.transform import layout
from ttl_archive.transform.records import timestamp_text


@click.command("backfill", short_help="Archive the items of a DynamoDB export.")
@click.argument("export", metavar="MANIFEST|PREFIX")
@click.option("--bucket", required=True, help="Bucket of the archive.")
@click.option("--all", "is_all", is_flag=True, help="Every item, not only those that had expired.")
@click.option("--dry-run", is_flag=True, help="Read, verify and count; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--compare", "is_compared", is_flag=True, help="Write nothing; report what the archive does not have."
)
@click.option("--out", type=click.Path(path_type=Path), help="With --compare: write each missing key here.")
@click.option("--show-content", is_flag=True, help="With --compare: print keys, not only their places.")
@work_options
@click.option(
    "--distributed", "state_machine", metavar="ARN", help="Backfill in this state machine, and follow it."
)
@aws_options
@report_errors
def backfill(
    export: str,
    bucket: str,
    is_all: bool,
    dry_run: bool,
    yes: bool,
    is_compared: bool,
    out: Path | None,
    show_content: bool,
    state_machine: str | None,
    **options: Any,
) -> None:
    """Archive the items of a DynamoDB export: what expired before the archive was attached.

    MANIFEST is a manifest-summary.json, PREFIX a folder with exports or s3://BUCKET/PREFIX. Full and
    incremental exports in DynamoDB JSON are read, and verified by their checksums. Items that had expired by
    the export's time become rows with ddb_event_name = EXPORT. A second run writes nothing twice, and
    finishes one that was killed.

    \b
    To see what would be done:
      ttl-archive backfill s3://my-exports/devices --bucket my-archive --dry-run
    To archive what had expired:
      ttl-archive backfill s3://my-exports/devices --bucket my-archive
    To archive every item of one export on this machine:
      ttl-archive backfill ID/manifest-summary.json --bucket my-archive --all
    To archive a large export in AWS (the stack's output BackfillStateMachine):
      ttl-archive backfill s3://my-archive/exports/Devices --bucket my-archive \\
        --distributed ARN
    To see which expired items the archive does not have:
      ttl-archive backfill s3://my-exports/devices --bucket my-archive --compare

    Exit codes: 0 all done, 1 failed, stopped or keys missing, 2 misused, 3 some items are refused or not
    countable, 4 no export, or nothing to compare.
    """
    as_json, concurrency = options.pop("as_json"), options.pop("concurrency")
    place = Place(bucket, None, attempts=options.pop("max_attempts"), connections=4 * concurrency, **options)
    if is_compared:
        from ttl_archive.replay.commands.backfill_compare import compare  # what --help does not need

        if is_all or dry_run or yes or state_machine:
            raise MisuseError("--compare writes nothing and compares expired items: leave out the others")
        exports = find_exports(export, place.clients, place.settings)
        sys.exit(compare(place, exports, as_json=as_json, out=out, show_content=show_content))
    if out or show_content:
        raise MisuseError("--out and --show-content go with --compare")
    if state_machine and dry_run:
        raise MisuseError("--dry-run reads on this machine, and --distributed in AWS: give one of them")
    check_settings(place.settings)
    exports = find_exports(export, place.clients, place.settings)
    choice = Choice.ALL if is_all else Choice.EXPIRED
    run = BackfillRun(place.s3, place.bucket, place.settings, choice, dry_run)
    orders = [machine_input(run, each) for each in exports] if state_machine else []
    if not as_json:
        _print_plan(run, exports)
    _ask(yes or dry_run)
    if state_machine:
        before = recorded(run, exports, concurrency)
        for order in orders:
            run_in_state_machine(place.clients, state_machine, order, "data files")
        after = recorded(run, exports, concurrency)
        summary = summary_of_records(run, before, after)
    else:
        summary = _run_here(run, exports, concurrency)
    _print_summary(run, exports, summary, as_json)
    if not as_json and not dry_run:
        show.note(f"To check the archive: ttl-archive backfill {quote(export)} {place.arguments} --compare")
    sys.exit(summary.exit_code)


def _run_here(run: BackfillRun, exports: tuple[Export, ...], concurrency: int) -> BackfillSummary:
    size = sum(each.size for each in exports)
    with meter("Reading" if run.dry else "Backfilling", size) as progress, ctrl_c(run.stop):
        shown = replace(run, progress=progress)
        return run_backfill(shown, exports, concurrency=concurrency, on_outcome=_print_trouble)


def _ask(is_agreed: bool) -> None:
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise MisuseError("there is no terminal to ask on. Look with --dry-run, then add --yes")
    click.confirm("Archive them?", abort=True, err=True)


def _print_plan(run: BackfillRun, exports: tuple[Export, ...]) -> None:
    rows = [
        (each.id, str(each.form), timestamp_text(each.time_us)[:19], len(each.files), each.item_count)
        for each in exports
    ]
    show.table(("export", "form", "state of", "files", "lines"), rows)
    for name in [name for each in exports for name in each.unverified]:
        show.note(f"{name} has no .md5 file beside it, so it is not verified.")
    items = "every item" if run.choice is Choice.ALL else "items that had expired by then"
    show.field("chosen", items, 11)
    show.field("archive", f"s3://{run.bucket}/{layout.archive_folder(run.settings)}", 11)


def _print_trouble(outcome: FileOutcome) -> None:
    if outcome.reason and outcome.ending is not FileEnding.STOPPED:
        show.note(f"{outcome.ending}: {outcome.reason}")


def _print_summary(
    run: BackfillRun, exports: tuple[Export, ...], summary: BackfillSummary, as_json: bool
) -> None:
    tally = summary.tally
    if as_json:
        show.as_json(
            {
                "exports": [each.arn for each in exports],
                "unverified_manifests": [name for each in exports for name in each.unverified],
                "choice": run.choice,
                "dry_run": run.dry,
                "files": dict(summary.files),
                "lines": tally.lines,
                "rows": tally.rows,
                "rows_before": summary.before,
                "left": tally.left,
                "refused": tally.refused,
                "not_done": [{"file": name, "reason": reason} for name, reason in summary.reasons],
                "exit_code": summary.exit_code,
            }
        )
        return
    show.field("data files", show.counts(summary.files), 11)
    show.field("lines", f"{tally.lines:,}", 11)
    written = tally.rows - summary.before
    found = "would be written" if run.dry else "written"
    show.field("  rows", f"{written:,} {found}, {summary.before:,} by an earlier run", 11)
    show.field("  left", show.counts(tally.left), 11)
    show.field("  refused", show.counts(tally.refused), 11)
    if tally.refused:
        show.note(
            "Refused items are not archived; they stay in the export. What each code means: "
            "ttl-archive docs replay. Fix archive.toml and run again"
        )
    if not tally.rows and not summary.reasons:
        show.note(_why_no_rows(run))


def _why_no_rows(run: BackfillRun) -> str:
    if run.choice is Choice.ALL:
        return "No item is in what was exported."
    return (
        f"No item had expired: none has a Number of epoch seconds in {run.settings.table.ttl_attribute} that "
        "had passed, at most five years ago, at the export's time. Every item: --all"
    )
