"""`ttl-archive check-message`: the items that a queue's messages become, before anything is deployed."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import STILL_OPEN, Moment, report_errors
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.ingest_item import Item, stamped_item
from ttl_archive.transform.ingest_message import readings_of
from ttl_archive.transform.ingest_settings import Ingest, required_ingest
from ttl_archive.transform.settings import Settings, load


@click.command("check-message")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.File("rb"))
@click.option("--sent", type=Moment(), help="When the message was sent, UTC.  [default: now]")
@click.option("--config", type=click.Path(path_type=Path), help="The settings file.  [default: archive.toml]")
@report_errors
def check_message(files: tuple[IO[bytes], ...], sent: datetime | None, config: Path | None) -> None:
    """Print the item that each reading of a message becomes, by [ingest] of archive.toml.

    A FILE is the body of one message, in base64 or not; "-" is stdin. The items are printed in DynamoDB JSON,
    one a line. A reading that would be refused is named on stderr with its ErrorCode. What only the table
    decides, such as the type of its key, and readings of one key are not checked.

    \b
    To see what a message becomes:
      ttl-archive check-message message.json
    To see it expire, and become a row of the archive:
      ttl-archive check-message message.json > items.jsonl
      ttl-archive demo --table-file items.jsonl --config archive.toml

    Exit codes: 0 every reading becomes an item, 2 misused, 3 some are refused.
    """
    settings = load(config)
    ingest = required_ingest(settings)
    sent_s = int((sent or datetime.now(UTC)).timestamp())
    stored = refused = 0
    for file in files:
        for number, found in enumerate(_readings(file.read(), settings, ingest, sent_s), 1):
            if isinstance(found, RecordError):
                refused += 1
                show.note(f"{file.name}: reading {number}: {found.code}")
            else:
                stored += 1
                click.echo(json.dumps(found, ensure_ascii=False))
    show.note(f"{show.plural(stored, 'item')}, {refused:,} refused.")
    if refused:
        show.note("What each ErrorCode means: ttl-archive docs ingest")
        sys.exit(STILL_OPEN)


def _readings(body: bytes, settings: Settings, ingest: Ingest, sent_s: int) -> Iterator[Item | RecordError]:
    """Yield the item of each reading, or why it has none; a message that is refused counts as one."""
    try:
        found: list[tuple[Any, dict[str, Any]]] = readings_of(body.decode("utf-8", "replace"), ingest)
    except RecordError as error:
        yield error
        return
    for reading, taken in found:
        try:
            yield stamped_item(reading, taken, ingest, settings.table.ttl_attribute, sent_s).item
        except RecordError as error:
            yield error
