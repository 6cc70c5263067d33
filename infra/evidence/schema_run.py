"""The steps of `ttl-archive schema infer` and `diff`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.evidence.archived_sources import archived_source
from ttl_archive.infra.evidence.attribute_evidence import SampleEvidence
from ttl_archive.infra.evidence.column_proposals import ProposedColumn, propose_columns
from ttl_archive.infra.evidence.command_clients import clients_of_command
from ttl_archive.infra.evidence.config_text import columns_lines
from ttl_archive.infra.evidence.deployed_relations import deployed_differences
from ttl_archive.infra.evidence.item_sources import ItemSource, file_source, table_source
from ttl_archive.infra.evidence.live_table import describe_live_table
from ttl_archive.infra.evidence.sample_reading import read_sample
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.infra.evidence.schema_differences import SchemaDifference, count_use, differences
from ttl_archive.infra.evidence.trials import try_items
from ttl_archive.infra.evidence.ttl_values import TtlEvidence
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import FAILED, split_url
from ttl_archive.replay.errors import MisuseError, NothingFoundError
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.transform.settings import Settings, load

_MAX_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """Where the items of a comparison come from, as the command line says it."""

    files: tuple[Path, ...]
    live: bool
    bucket: str | None
    since: datetime | None
    until: datetime | None
    limit: int
    config: Path | None
    profile: str | None
    region: str | None

    @property
    def sources(self) -> int:
        """The number of sources that are named; a comparison takes one."""
        return bool(self.files) + self.live + bool(self.bucket)

    def clients(self) -> Clients:
        """Return AWS clients, closed when the command ends."""
        return clients_of_command(self.profile, self.region)


def run_infer(options: SampleOptions, *, every: bool, as_json: bool) -> None:
    """Print [[columns]] for attributes. Raises MisuseError, NothingFoundError and what reading raises."""
    settings = load(options.config)
    if settings.output.row == "envelope":
        raise MisuseError('[output] row is "envelope", whose rows have no columns of attributes')
    with _sample(options, settings) as (store, evidence):
        declared = () if every else settings.columns
        columns = propose_columns(
            evidence,
            date_column=settings.output.date_column,
            ttl_attribute=settings.table.ttl_attribute,
            keys=settings.table.keys,
            max_columns=_MAX_COLUMNS,
            declared=declared,
        )
        show.note(f"Read {store.extent()}.")
    if as_json:
        show.as_json([_column_document(each) for each in columns])
    elif columns:
        click.echo("\n" + "\n".join(columns_lines(columns, evidence.items)).rstrip())
    else:
        show.note("Every attribute has a column.")


def run_diff(options: SampleOptions, *, deployed: bool, as_json: bool) -> None:
    """Print what is open, and end with exit code 1 when something is.

    Raises MisuseError, NothingFoundError and what reading raises.
    """
    settings = load(options.config, deploy_settings.SECTIONS)
    deploy = deploy_settings.load(settings)
    found: list[SchemaDifference] = []
    if deployed:
        found += deployed_differences(options.clients()("glue"), settings, deploy)
    if options.sources or not deployed:
        found += _item_differences(options, settings)
    if as_json:
        show.as_json([{"kind": each.kind, "subject": each.subject, "text": each.text} for each in found])
    for each in () if as_json else found:
        show.field(each.kind, f"{each.subject}: {each.text}", width=12)
    if found:
        _note_next(found, as_json=as_json)
        sys.exit(FAILED)
    show.note("Nothing is open.")


def _item_differences(options: SampleOptions, settings: Settings) -> list[SchemaDifference]:
    now = datetime.now(UTC)
    ttl = TtlEvidence(settings.table.ttl_attribute, int(now.timestamp()))
    with _sample(options, settings) as (store, evidence):
        (trial,) = try_items(store, [settings], ttl, now)
        use = count_use(store, settings)
        proposed = propose_columns(
            evidence,
            date_column=settings.output.date_column,
            ttl_attribute=settings.table.ttl_attribute,
            keys=settings.table.keys,
            max_columns=_MAX_COLUMNS,
            declared=settings.columns,
        )
        show.note(f"Compared with {store.extent()}.")
    if options.bucket:  # delivered rows have expired: their TTL values lie in the past
        ttl = replace(ttl, counts=type(ttl.counts)())
    return differences(settings, evidence, use, proposed, trial, ttl)


@contextmanager
def _sample(options: SampleOptions, settings: Settings) -> Iterator[tuple[SampleStore, SampleEvidence]]:
    """Read the sample that the options name. Raises NothingFoundError when it has no item."""
    if options.sources != 1:
        raise MisuseError("say what to compare with, one of: --live, --bucket BUCKET, or files of items")
    if (options.since or options.until) and not options.bucket:
        raise MisuseError("--since and --until go with --bucket")
    archived = None
    if options.bucket:
        bucket, _ = split_url(options.bucket)
        s3 = options.clients()("s3")
        archived = archived_source(s3, bucket, settings, Selection(options.since, options.until))
        source = archived.source(s3, settings)
    else:
        source = _items_of(options, settings)
    with SampleStore(source, options.limit) as store:
        evidence = read_sample(store)
        for sentence in archived.limits() if archived else ():
            show.note(sentence)
        if not evidence.items:
            raise NothingFoundError(f"{store.place}: there is no item")
        yield store, evidence


def _items_of(options: SampleOptions, settings: Settings) -> ItemSource:
    if options.files:
        return file_source(options.files)
    dynamodb = options.clients()("dynamodb")
    live = describe_live_table(dynamodb, settings.table.name)
    return table_source(dynamodb, live.name, live.item_count, options.limit)


def _column_document(proposed: ProposedColumn) -> dict[str, Any]:
    column, evidence = proposed.column, proposed.evidence
    return {
        "name": column.name,
        "path": list(column.path),
        "type": column.type,
        "items": evidence.count,
        "types": dict(evidence.types),
    }


def _note_next(found: list[SchemaDifference], *, as_json: bool) -> None:
    if as_json:
        return
    kinds = {each.kind for each in found}
    if kinds & {"undeclared", "refused"}:
        show.note("For columns to paste into archive.toml: ttl-archive schema infer, with the same source.")
    if "deployed" in kinds:
        show.note("To update the relations in Athena: ttl-archive schema apply")
