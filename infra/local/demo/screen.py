"""The demo on a screen of 80 columns: tables whose long values are cut, never wrapped."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ttl_archive.infra.local.demo.export_ledger import ExportLedger
from ttl_archive.infra.local.demo.history_story import HistoryLedger
from ttl_archive.infra.local.demo.ingest_story import IngestLedger
from ttl_archive.infra.local.demo.ledger import RULES, Ledger
from ttl_archive.infra.local.demo.report import DeliveredObject, QueryAnswer, StorageState
from ttl_archive.infra.local.roads.usage import RoadUsage
from ttl_archive.replay.backfill.comparison import Comparison
from ttl_archive.replay.commands import show

_KINDS = {"expired": "expired", "deleted": "deleted by a user", "written": "written"}


def show_text(console: Console, title: str, lines: Iterable[str]) -> None:
    """Print a title and lines as they are."""
    console.print(f"\n[bold]{escape(title)}[/]")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_objects(
    console: Console, objects: Sequence[DeliveredObject], title: str = "Firehose has delivered"
) -> None:
    """Print how many objects and bytes are in each folder."""
    folders: dict[str, list[int]] = defaultdict(list)
    for stored in objects:
        folders[stored.key.rpartition("/")[0]].append(stored.size_bytes)
    table = Table()
    table.add_column("folder", no_wrap=True, overflow="ellipsis")
    for name in ("objects", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for folder, sizes in folders.items():
        table.add_row(escape(f"{folder}/"), f"{len(sizes):,}", show.size(sum(sizes)))
    _print(console, title, table)


def show_row(console: Console, row: Mapping[str, str]) -> None:
    """Print one row as column and value."""
    table = Table()
    table.add_column(
        "column", no_wrap=True, min_width=min(30, max(map(len, row), default=0)), overflow="ellipsis"
    )
    table.add_column("value", no_wrap=True, overflow="ellipsis")
    for column, value in row.items():
        table.add_row(escape(column), escape(value))
    _print(console, "The first row", table)


def show_query_answer(console: Console, answer: QueryAnswer) -> None:
    """Print the question, its SQL, and the rows."""
    table = Table(*map(escape, answer.columns))
    for row in answer.rows:
        table.add_row(*(escape(str(value)) for value in row))
    _print(console, answer.question, table, answer.sql)


def show_causes(console: Console, causes: Iterable[Mapping[str, Any]]) -> None:
    """Print why records failed, and what to do about each cause."""
    console.print("\n[bold]Records that could not become rows; errors/ keeps them[/]")
    for cause in causes:
        where = f" at {cause['attribute']}" if cause["attribute"] else ""
        number = "1 record" if cause["records"] == 1 else f"{cause['records']:,} records"
        console.print(f"{cause['code']}{where}: {number}", markup=False, highlight=False)
        console.print(Padding(Text(cause["remedy"]), (0, 0, 0, 2), expand=False))
        console.print(Padding(Text(cause["settings"] or ""), (0, 0, 0, 4), expand=False))


def show_ledger(console: Console, title: str, ledger: Ledger) -> None:
    """Print the ledger, and the sum that must agree."""
    table = Table("in the table", "items", "in the archive", "records")
    kept = [(_KINDS[kind], f"{ledger.count(kind):,}") for kind in ledger.kept]
    ends = [("delivered", f"{ledger.delivered:,}"), ("failed, kept in errors/", f"{ledger.failed:,}")]
    for left, right in zip_longest(kept, ends, fillvalue=("", "")):
        table.add_row(*left, *right)
    for left, right in zip_longest(_not_kept(ledger), _left_out(ledger), fillvalue=("", "")):
        table.add_row(*left, *right)
    _print(console, title, table)
    verdict = "[green]it adds up[/]" if ledger.adds_up else "[red]it does not add up[/]"
    kinds = " or ".join(ledger.kept)
    sums = f"{ledger.to_keep:,} {kinds} = {ledger.delivered:,} delivered + {ledger.failed:,} failed"
    console.print(f"{sums}: {verdict}")


_BILLED = {
    "change_units": "DynamoDB to Kinesis: change units of 1 KB",
    "stream_in_bytes": "Kinesis on demand: bytes, of 1 KB steps",
    "stream_out_bytes": "Kinesis on demand: bytes read",
    "stream_put_units": "Kinesis provisioned: units of 25 KB",
    "firehose_records": "Firehose: records",
    "firehose_in_bytes": "Firehose: bytes, of 5 KB steps",
    "lambda_requests": "Lambda: requests",
}


def show_ingest_ledger(console: Console, ledger: IngestLedger) -> None:
    """Print what became of the messages and of their readings, and whether it adds up."""
    verdict = "[green]it adds up[/]" if ledger.adds_up else "[red]it does not add up[/]"
    console.print(
        f"{ledger.messages:,} messages = {ledger.stored:,} stored"
        f" + {ledger.dead_letters:,} in the dead-letter queue;"
        f" {ledger.readings:,} readings = {ledger.items:,} items: {verdict}"
    )


def show_export_ledger(console: Console, ledger: ExportLedger) -> None:
    """Print what became of the export's lines and of the removed items, and whether it adds up."""
    table = Table("in the export", "lines", "in the archive", "rows")
    table.add_row("expired, backfilled", f"{ledger.rows:,}", "in every copy", f"{ledger.rows_in_archive:,}")
    table.add_row("not expired", f"{ledger.not_expired:,}", "each item once", f"{ledger.unique:,}")
    table.add_row("refused", f"{ledger.refused:,}", "  of the export only", f"{ledger.unique_exported:,}")
    _print(console, "The ledger of the export", table)
    verdict = "[green]it adds up[/]" if ledger.adds_up else "[red]it does not add up[/]"
    removed = f"{ledger.removed:,} removed by TTL"
    console.print(f"{removed} = {ledger.unique:,} rows, each once, + {ledger.failed:,} failed: {verdict}")


def show_history_ledger(console: Console, ledger: HistoryLedger) -> None:
    """Print the table at each moment beside the archive's answer, and whether all of it is equal."""
    table = Table("the table at", "items", "archive_history answers", "equal", "undecided")
    for each in ledger.moments:
        numbers = (each.in_table, each.in_answer, each.equal, each.undecided)
        table.add_row(each.moment, *(f"{number:,}" for number in numbers))
    _print(console, "The ledger of the history", table)
    verdict = "[green]it adds up[/]" if ledger.adds_up else "[red]it does not add up[/]"
    rows = f"{ledger.rows:,} in archive_history + {ledger.failed:,} failed"
    console.print(f"{ledger.changes:,} changes = {rows}: {verdict}")


def show_comparison(console: Console, compared: Comparison) -> None:
    """Print what a comparison of the export with the archive has found."""
    found = f"{compared.found:,} of {compared.expired:,} expired keys are in the archive"
    console.print(f"ttl-archive backfill --compare: {compared.verdict}; {found}")


def show_usage(console: Console, usage: RoadUsage) -> None:
    """Print what AWS would bill, and the share of one row."""
    table = Table("what AWS bills, without S3 and Lambda time")
    for name in ("total", "per row"):
        table.add_column(name, justify="right", no_wrap=True)
    items = usage.by_item()
    for name, text in _BILLED.items():
        total, share = items[name]
        if not total:
            continue  # the other road's
        table.add_row(text, f"{total:,}", "" if share is None else f"{share:,.3f}")
    _print(console, f"{usage.changes:,} changes, {usage.rows:,} rows", table)


def _not_kept(ledger: Ledger) -> list[tuple[str, str]]:
    return [(_KINDS[kind], f"{ledger.count(kind):,}") for kind in RULES if kind not in ledger.kept]


def _left_out(ledger: Ledger) -> list[tuple[str, str]]:
    """Return what the rules dropped, or what the filter at the source passed over without their account."""
    by_rule = {
        f"dropped: {rule}": ledger.dropped[rule] for kind, rule in RULES.items() if kind not in ledger.kept
    }
    if ledger.passed_over:
        by_rule = {"passed over by the filter": ledger.passed_over} | {
            name: number for name, number in by_rule.items() if number
        }
    return [(name, f"{number:,}") for name, number in by_rule.items()]


def show_storage(console: Console, states: Iterable[StorageState]) -> None:
    """Print the storage classes over time, the rows that SQL reads, and the objects that it does not."""
    table = Table("when", "objects of archive/", "rows read", "objects not read")
    for state in states:
        table.add_row(state.moment, state.classes, f"{state.readable_rows:,}", f"{state.unseen_objects:,}")
    _print(console, "Storage classes", table)
    console.print("SQL does not read objects in GLACIER. `ttl-archive restore` does.")


def _print(console: Console, title: str, table: Table, detail: str = "") -> None:
    console.print(f"\n[bold]{escape(title)}[/]")
    if detail:
        console.print(f"[dim]{escape(detail)}[/]")
    console.print(table)
