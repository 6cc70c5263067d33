"""What `ttl-archive advise` does with its options."""

from datetime import UTC, datetime

import click

from ttl_archive.infra.advise.advice import advise_on
from ttl_archive.infra.advise.advise_report import advice_document, print_advice, print_lines, print_sources
from ttl_archive.infra.advise.size_tables import ITEM_BYTES, size_tables
from ttl_archive.infra.advise.table_rates import TableRates, live_rates
from ttl_archive.infra.evidence.command_clients import clients_of_command
from ttl_archive.replay.commands import show
from ttl_archive.replay.errors import MisuseError


def run_advise(
    *,
    changes: int | None,
    expiries: int | None,
    item_bytes: int | None,
    table: str | None,
    sizes: bool,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Print the advice, or the tables of the README. Raises MisuseError and the errors of CloudWatch."""
    if sizes:
        if as_json or table or changes is not None:
            raise MisuseError("--sizes prints the tables of the README: leave out the other options")
        print_size_tables()
        return
    rates = _given(changes, expiries, item_bytes)
    if rates is None:
        if not table:
            raise MisuseError("give --changes and --expiries, or --table to read them from CloudWatch")
        clients = clients_of_command(profile, region)
        rates = live_rates(clients("cloudwatch"), clients("dynamodb"), table, datetime.now(UTC))
    found = advise_on(rates)
    if as_json:
        show.as_json(advice_document(found))
    else:
        print_advice(found)


def print_size_tables() -> None:
    """Print the costs for three sizes of table."""
    roads, kept = size_tables()
    print_lines(roads)
    click.echo()
    print_lines(kept)
    click.echo()
    show.paragraph(f"Items of {ITEM_BYTES:,} bytes; one change in twenty is an expiry.")
    print_sources()


def _given(changes: int | None, expiries: int | None, item_bytes: int | None) -> TableRates | None:
    if changes is None and expiries is None:
        return None
    if changes is None or expiries is None:
        raise MisuseError("--changes and --expiries go together")
    if expiries > changes:
        raise MisuseError(f"--expiries {expiries:,} is more than --changes {changes:,}, which include them")
    return TableRates(changes, expiries, item_bytes or ITEM_BYTES)
