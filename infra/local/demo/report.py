"""What the demo found, as one value: shown on the screen as it happens, or printed as JSON at the end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ttl_archive.infra.local.demo.export_ledger import ExportLedger
from ttl_archive.infra.local.demo.history_story import HistoryLedger
from ttl_archive.infra.local.demo.ingest_story import IngestLedger
from ttl_archive.infra.local.demo.ledger import Ledger
from ttl_archive.infra.local.roads.usage import RoadUsage


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """A question to the archive, in words and in SQL, and the rows that answer it."""

    question: str
    sql: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class DeliveredObject:
    """An object in the bucket."""

    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StorageState:
    """In which storage classes the objects of the archive are at one time, and what SQL reads."""

    moment: str
    classes: str  # 12 GLACIER, 3 STANDARD
    readable_rows: int
    unseen_objects: int  # in GLACIER, and in no answer


@dataclass(slots=True)
class Report:
    """All that the demo shows, in the order in which it happens."""

    table: str
    road: str
    files: Sequence[str] = ()
    objects: Sequence[DeliveredObject] = ()
    row: Mapping[str, str] = field(default_factory=dict)  # of one delivered row: column -> value
    answers: list[QueryAnswer] = field(default_factory=list)
    causes: Sequence[Mapping[str, Any]] = ()  # of the failed records
    ledger: Ledger | None = None
    ledger_after_replay: Ledger | None = None
    usage: RoadUsage | None = None
    ingest_ledger: IngestLedger | None = None  # with --road ingest
    export_ledger: ExportLedger | None = None  # with --road export
    history_ledger: HistoryLedger | None = None  # with --road history
    storage: list[StorageState] = field(default_factory=list)
    page: str = ""  # where the page of `ttl-archive report` is

    @property
    def adds_up(self) -> bool:
        """Whether every ledger of the road adds up."""
        ledgers = (
            self.ledger,
            self.ledger_after_replay,
            self.ingest_ledger,
            self.export_ledger,
            self.history_ledger,
        )
        return all(each.adds_up for each in ledgers if each is not None)

    def as_json(self) -> str:
        """Return one JSON document with the same content."""
        return json.dumps(asdict(self), indent=2, default=str, ensure_ascii=False)
