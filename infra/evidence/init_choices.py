"""What `ttl-archive init` cannot read from the items: given as options, found in the table, or asked for."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import click

from ttl_archive.infra.evidence.attribute_evidence import SampleEvidence
from ttl_archive.infra.evidence.init_plan import InitAnswers
from ttl_archive.infra.evidence.live_table import LiveTable
from ttl_archive.infra.evidence.road_choice import RoadComparison
from ttl_archive.replay.commands.show import printable
from ttl_archive.replay.errors import MisuseError

# Without a table to count in and without --expiries-per-month.
_ASSUMED_EXPIRIES = 1_000_000
_MOST_KEYS = 2  # partition key and sort key
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class GivenAnswers:
    """The options of the command line; None where one is not given."""

    table: str
    ttl_attribute: str | None
    keys: tuple[str, ...]
    file_format: str | None
    expiries_per_month: int | None
    writes_per_item: int
    max_columns: int
    source: str | None = None


def complete_answers(
    given: GivenAnswers, live: LiveTable | None, evidence: SampleEvidence, *, interactive: bool, note: Note
) -> InitAnswers:
    """Return every answer: given, or of the table, or asked for on the terminal.

    `note` reports what was inferred. Raises MisuseError for an option that contradicts the table, for an
    answer that is missing, and for `interactive` without a terminal.
    """
    if interactive and not is_terminal():
        raise MisuseError(
            "--interactive needs a terminal to ask on. Give --ttl-attribute, --key, --format and --source"
        )
    ttl_attribute = _ttl_attribute(given, live, evidence, interactive=interactive, note=note)
    keys = _keys(given, live, evidence, interactive=interactive)
    file_format = given.file_format
    if interactive and file_format is None:
        file_format = click.prompt(
            "Format of the rows (jsonl: every attribute can be queried; csv: fixed columns)",
            type=click.Choice(["jsonl", "csv"]),
            default="jsonl",
            err=True,
        )
    expiries = given.expiries_per_month
    if expiries is None:
        expiries = live.item_count if live and live.item_count else _ASSUMED_EXPIRIES
    return InitAnswers(
        table=given.table,
        ttl_attribute=ttl_attribute,
        keys=keys,
        format=file_format or "jsonl",
        expiries=expiries,
        writes_per_item=given.writes_per_item,
        max_columns=given.max_columns,
        source=given.source,
    )


def ask_road(compared: RoadComparison) -> str:
    """Ask for the road, where there is a choice, and return its source."""
    if compared.impossible:
        return "kinesis"
    for source, cost in compared.by_source.items():
        click.echo(f"{source}: ${cost.total:,.2f} a month; it {compared.survives[source]}.", err=True)
    return str(
        click.prompt(
            f"Road of the changes (recommended: {compared.reason})",
            type=click.Choice(list(compared.by_source)),
            default=compared.recommended,
            err=True,
        )
    )


def is_terminal() -> bool:
    """Return whether somebody can answer."""
    return sys.stdin.isatty()


def _ttl_attribute(
    given: GivenAnswers, live: LiveTable | None, evidence: SampleEvidence, *, interactive: bool, note: Note
) -> str:
    if live and live.ttl_attribute:
        if given.ttl_attribute not in (None, live.ttl_attribute):
            raise MisuseError(
                f'--ttl-attribute has value "{given.ttl_attribute}", and TTL of table {live.name} is '
                f'{live.ttl_status} on "{live.ttl_attribute}". Leave the option out, or change the table'
            )
        return live.ttl_attribute
    if live:
        note(f"TTL of table {live.name} is {live.ttl_status}: nothing expires until you turn it on.")
    if given.ttl_attribute:
        return given.ttl_attribute
    candidates = evidence.ttl_candidates()
    named = ", ".join(map(printable, candidates)) or "none"
    if interactive:
        default = candidates[0] if candidates else None
        text = f"TTL attribute (attributes with epoch seconds: {named})"
        return str(click.prompt(text, default=default, err=True))
    if len(candidates) != 1:
        wrong_unit = ", ".join(map(printable, evidence.in_milliseconds()))
        raise MisuseError(
            f"--ttl-attribute is needed. Attributes that hold epoch seconds in most items: {named}"
            + (f"; milliseconds, by which nothing ever expires: {wrong_unit}" if wrong_unit else "")
        )
    note(f'The TTL attribute is taken to be "{printable(candidates[0])}": it alone holds epoch seconds.')
    return candidates[0]


def _keys(
    given: GivenAnswers, live: LiveTable | None, evidence: SampleEvidence, *, interactive: bool
) -> tuple[str, ...]:
    """Return the key attributes. They are never guessed, because archive_latest would then answer wrongly."""
    if live:
        if given.keys and given.keys != live.keys:
            raise MisuseError(
                f"--key names {', '.join(given.keys)}, and the keys of table {live.name} are "
                f"{', '.join(live.keys)}. Leave the option out"
            )
        return live.keys
    keys = given.keys
    if interactive and not keys:
        text = "Key attributes, partition key first, separated by commas (empty: not known)"
        answer = click.prompt(text, default="", show_default=False, err=True)
        keys = tuple(name.strip() for name in answer.split(",") if name.strip())
    if len(set(keys)) != len(keys) or len(keys) > _MOST_KEYS:
        raise MisuseError(f"--key names {', '.join(keys)}. A table has one key attribute, or two")
    for name in keys:
        found = evidence.attributes.get((name,))
        if found is None or found.count < evidence.items:
            raise MisuseError(f'--key names "{name}", and not every item has it. Name the key of the table')
    return keys
