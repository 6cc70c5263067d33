"""The steps of `ttl-archive init`: read a sample, decide, and write or print."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ttl_archive.infra.evidence.command_clients import clients_of_command
from ttl_archive.infra.evidence.init_choices import GivenAnswers, ask_road, complete_answers
from ttl_archive.infra.evidence.init_plan import plan_configuration
from ttl_archive.infra.evidence.init_report import plan_document, print_plan_report
from ttl_archive.infra.evidence.item_sources import ItemSource, file_source, table_source
from ttl_archive.infra.evidence.live_table import LiveTable, describe_live_table
from ttl_archive.infra.evidence.sample_reading import read_sample
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.replay.commands import show
from ttl_archive.replay.errors import MisuseError, NothingFoundError


@dataclass(frozen=True, slots=True)
class InitRequest:
    """The command line of `init`."""

    files: tuple[Path, ...]
    table: str
    ttl_attribute: str | None
    keys: tuple[str, ...]
    file_format: str | None
    limit: int
    max_columns: int
    expiries_per_month: int | None
    writes_per_item: int
    source: str | None
    out: Path
    dry_run: bool
    interactive: bool
    profile: str | None
    region: str | None
    as_json: bool

    @property
    def given(self) -> GivenAnswers:
        """The answers among the options."""
        return GivenAnswers(
            table=self.table,
            ttl_attribute=self.ttl_attribute,
            keys=self.keys,
            file_format=self.file_format,
            expiries_per_month=self.expiries_per_month,
            writes_per_item=self.writes_per_item,
            max_columns=self.max_columns,
            source=self.source,
        )


def run_init(request: InitRequest) -> None:
    """Read the sample, then write the configuration and print its evidence.

    Raises MisuseError, NothingFoundError, ItemFileError, ObjectError, SettingsError and OSError.
    """
    if request.out.exists() and not request.dry_run:
        raise _exists(request.out)
    live, source = _open(request)
    with SampleStore(source, request.limit) as store:
        evidence = read_sample(store)
        if request.files and not evidence.items:
            raise NothingFoundError(f"{store.place}: there is no item")
        answers = complete_answers(
            request.given, live, evidence, interactive=request.interactive, note=show.note
        )
        plan = plan_configuration(
            answers,
            store,
            evidence,
            live,
            file=str(request.out),
            now=datetime.now(UTC),
            ask_source=ask_road if request.interactive else None,
        )
        written = None if request.dry_run else request.out
        if written:
            _write_new(written, plan.text)
        if request.as_json:
            show.as_json(plan_document(plan, store, written))
        else:
            print_plan_report(plan, store, written, request.files)


def _open(request: InitRequest) -> tuple[LiveTable | None, ItemSource]:
    if request.files:
        return None, file_source(request.files)
    clients = clients_of_command(request.profile, request.region)
    live = describe_live_table(clients("dynamodb"), request.table)
    return live, table_source(clients("dynamodb"), request.table, live.item_count, request.limit)


def _write_new(file: Path, text: str) -> None:
    """Write a file that does not exist. Raises MisuseError when it does, and OSError."""
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write(text)
    except FileExistsError:
        raise _exists(file) from None


def _exists(file: Path) -> MisuseError:
    return MisuseError(
        f"{file} exists and is not overwritten. Name another file with --out, or print it with --dry-run"
    )
