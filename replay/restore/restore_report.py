"""The result of a restore as people and programs read it."""

from dataclasses import dataclass

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import FAILED, NOTHING_FOUND
from ttl_archive.replay.restore import table_writer
from ttl_archive.replay.restore.archived_rows import REASONS
from ttl_archive.replay.restore.restore_request import RestoreRequest
from ttl_archive.replay.restore.stage import Stage, StageCounts, UnreadLine

DONE, NOT_ALL = 0, 3
_SHOWN_LINES = 20
_JSON_LINES = 1_000


@dataclass(frozen=True)
class RestoreReport:
    """What a restore read and wrote. `unread_objects` are in a format that it does not read.

    `explanations` say why nothing was found, and what is there instead.
    """

    counts: StageCounts
    bad_lines: list[UnreadLine]
    unread_objects: int
    left: int
    explanations: list[str]

    @property
    def exit_code(self) -> int:
        """0 all done, 1 items are left to write, 3 something was not read or written, 4 nothing found."""
        refused = self.counts.outcomes.get(table_writer.REFUSED, 0)
        if self.left:
            return FAILED
        if self.unread_objects or self.counts.bad or refused:
            return NOT_ALL
        return DONE if self.counts.items else NOTHING_FOUND


def make_report(
    stage: Stage, request: RestoreRequest, unread_objects: int, explanations: list[str]
) -> RestoreReport:
    """Return the report on what is staged."""
    counts = stage.counts()
    is_table_written = request.table is not None and not request.options.dry_run
    left = counts.items - sum(counts.outcomes.values()) if is_table_written else 0
    return RestoreReport(counts, stage.bad_lines(_JSON_LINES), unread_objects, left, explanations)


def print_report(report: RestoreReport, request: RestoreRequest) -> None:
    """Print the report: JSON on stdout, unless the rows go there, or lines on stderr."""
    options = request.options
    if options.as_json and str(options.out) != "-":
        show.as_json(_document(report, options.dry_run))
        return
    for sentence in report.explanations:
        show.note(sentence)
    _print_read(report, request)
    _print_written(report, request)


def _document(report: RestoreReport, dry_run: bool) -> dict[str, object]:
    counts = report.counts
    return {
        "objects": counts.objects,
        "lines": counts.lines,
        "rows": counts.rows,
        "items": counts.items,
        "inexact": counts.inexact,
        "unreadable_lines": counts.bad,
        "unreadable": [line._asdict() for line in report.bad_lines],
        "unread_objects": report.unread_objects,
        "outcomes": counts.outcomes,
        "explanations": report.explanations,
        "dry_run": dry_run,
        "exit_code": report.exit_code,
    }


def _print_read(report: RestoreReport, request: RestoreRequest) -> None:
    counts = report.counts
    show.note(f"objects read   {counts.objects:,}, with {counts.lines:,} lines")
    show.note(f"rows selected  {counts.rows:,}; without duplicates {counts.items:,}")
    if not counts.bad:
        return
    show.note(f"not readable   {counts.bad:,} lines, which are left out:")
    for line in report.bad_lines[:_SHOWN_LINES]:
        url = f"s3://{request.place.bucket}/{line.key}"
        show.note(f"  {url} line {line.number}: {line.code}, {REASONS[line.code]}")
    if counts.bad > _SHOWN_LINES:
        show.note(f"  and {counts.bad - _SHOWN_LINES:,} more; --json lists up to {_JSON_LINES:,}")


def _print_written(report: RestoreReport, request: RestoreRequest) -> None:
    counts, options = report.counts, request.options
    where = f"table {options.to_table}" if options.to_table else str(options.out)
    if not counts.items:
        show.note(f"written        nothing; {where} is unchanged")
    elif options.dry_run:
        show.note(f"would write    {counts.items:,} to {where}; this was a dry run")
    elif options.to_table:
        show.note(f"written        {show.counts(counts.outcomes)}; {where}")
        if counts.outcomes.get(table_writer.REFUSED):
            show.note("  refused: a key attribute of the table is missing or wrong, or the item is too large")
        if report.left:
            show.note(f"not written    {report.left:,}; run the same command to resume")
    else:
        show.note(f"written        {counts.items:,} to {where}")
