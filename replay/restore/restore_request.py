"""What one restore is asked to do, as values, and what tells it from every other restore."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ttl_archive.replay.commands.options import Place
from ttl_archive.replay.restore.destination_table import DestinationTable, TtlChoice
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.replay.workers import Threads, Workers
from ttl_archive.transform import layout

# A stage whose times were given relative to now (7d, +90d) is resumed for so long. After that, "7d" means
# other days to whoever runs the command, and everything is staged again.
RESUME_WITHIN = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class GivenTime:
    """A time as it was given: `ago` before now, or else a time."""

    text: str
    time: datetime
    ago: timedelta | None = None

    def resolve(self, now: datetime) -> datetime:
        """Return the time that is meant, relative to `now`."""
        return self.time if self.ago is None else now - self.ago


@dataclass(frozen=True, slots=True)
class GivenSelection:
    """A selection whose times may be relative."""

    since: GivenTime | None = None
    until: GivenTime | None = None
    keys: tuple[tuple[str, str], ...] = ()
    where: str = ""
    late_days: int = 1

    @property
    def is_relative(self) -> bool:
        """Whether it selects something else at another time."""
        return any(each and each.ago is not None for each in (self.since, self.until))

    def resolve(self, now: datetime) -> Selection:
        """Return the selection that is meant, relative to `now`."""
        since = self.since.resolve(now) if self.since else None
        until = self.until.resolve(now) if self.until else None
        return Selection(since, until, self.keys, self.where, self.late_days)


@dataclass(frozen=True)
class RestoreOptions:
    """How to retrieve, and where to write: one of `out` and `to_table`. `rate` is in write units a second."""

    out: Path | None
    to_table: str | None
    format: str
    guard_formulas: bool
    dry_run: bool
    inexact: bool
    tier: str
    days: int
    wait: bool
    poll_s: float
    rate: float | None
    yes: bool
    work: Path
    concurrency: int
    as_json: bool
    workers: Callable[[int], Workers] = Threads

    @property
    def wants_items(self) -> bool:
        """Whether items are written, rather than rows."""
        return self.to_table is not None or self.format == "dynamodb-json"


@dataclass(frozen=True)
class RestoreRequest:
    """A place, what is wanted of it, and the table that it goes into, if any, with the choice for its TTL.

    `account` is that of the credentials: its id, or else text that no other account has.
    """

    place: Place
    selection: GivenSelection
    options: RestoreOptions
    account: str
    table: DestinationTable | None = None
    ttl: TtlChoice | None = None

    @property
    def prefix(self) -> str:
        """The prefix of the archived rows."""
        given = self.place.given_prefix
        return layout.archive_folder(self.place.settings) if given is None else given

    @property
    def is_relative(self) -> bool:
        """Whether the same words ask for something else at another time."""
        return self.selection.is_relative or (self.ttl is not None and self.ttl.days is not None)

    def identity(self) -> dict[str, Any]:
        """Return everything that makes this another restore when it differs."""
        meta = self.place.s3.meta
        selection = self.selection
        return {
            "account": self.account,
            "endpoint": meta.endpoint_url,
            "region": meta.region_name,
            "bucket": self.place.bucket,
            "prefix": self.prefix,
            "since": selection.since and selection.since.text,
            "until": selection.until and selection.until.text,
            "keys": selection.keys,
            "where": selection.where,
            "late_days": selection.late_days,
            "wants_items": self.options.wants_items,
            "table": self.table
            and [self.table.dynamodb.meta.endpoint_url, self.table.arn, self.table.identity],
            "ttl": self.ttl and self.ttl.text,
            "settings": repr(replace(self.place.settings, file="")),
        }


def stage_path(folder: Path, identity: Mapping[str, Any]) -> Path:
    """Return the file of a restore: the same identity, the same file."""
    words = json.dumps(identity, sort_keys=True)
    return folder / f"{hashlib.sha256(words.encode()).hexdigest()[:32]}.sqlite"
