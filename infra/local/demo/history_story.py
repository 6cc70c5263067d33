"""The demo's story of a history: the table at several moments, and what the archive says that it was.

The table is read at each moment, as nobody can do afterwards. At the end the saved query `table_at` answers
from the archive for the same moments, and every item must be equal, value by value.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ttl_archive.infra.history.item_answer import ItemAnswer
from ttl_archive.infra.history.item_changes import without_order
from ttl_archive.infra.history.item_questions import ask_about_item, key_of_item
from ttl_archive.infra.local.demo.readings import RENEWED
from ttl_archive.infra.local.dynamodb.change_record import base64_once, encoded_image
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.query.query_places import Question, bucket_place
from ttl_archive.infra.sql.change_identity import item_key
from ttl_archive.infra.sql.saved_queries import saved_queries

# What happens at an instant is recorded within the microseconds after it: the table is read a minute later.
_PAUSE = timedelta(minutes=1)
CONFIG = """\
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"
keys = ["deviceID", "readingTime"]

[select]
changes = "all"

[output]
row = "envelope"
"""


@dataclass(frozen=True, slots=True)
class MomentCheck:
    """A moment: the items of the table then, those of the answer, how many are equal, and the undecided."""

    moment: str
    in_table: int
    in_answer: int
    equal: int
    undecided: int


@dataclass(frozen=True, slots=True)
class HistoryLedger:
    """The changes of the table, the rows of `archive_history`, and the checked moments."""

    changes: int
    rows: int
    failed: int
    moments: tuple[MomentCheck, ...]

    @property
    def adds_up(self) -> bool:
        """Whether each change has one row or has failed, and the answer at every moment is the table."""
        return self.changes == self.rows + self.failed and all(
            each.in_table == each.in_answer == each.equal and not each.undecided for each in self.moments
        )


class HistoryStory:
    """Reads the table at moments, and asks the archive about them, on a running pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._tables: dict[datetime, dict[str, Any]] = {}

    def remember_table(self) -> int:
        """Read the whole table at this moment; return the number of its items."""
        pipeline = self._pipeline
        pipeline.clock.advance(_PAUSE)
        pages = pipeline.dynamodb.get_paginator("scan").paginate(TableName=pipeline.table)
        items = [encoded_image(item, base64_once) for page in pages for item in page["Items"]]
        self._tables[pipeline.clock.now()] = {self._key(item): without_order(item) for item in items}
        return len(items)

    def life_of_renewed(self) -> ItemAnswer:
        """Return the life of the item that is renewed, as `ttl-archive history` does."""
        settings = self._pipeline.settings
        with self._place() as place:
            return ask_about_item(place, settings, key_of_item(settings, RENEWED), None)

    def ledger(self) -> HistoryLedger:
        """Compare the archive's answers with the table at every moment."""
        ledger = self._pipeline.ledger()
        ((rows,),) = self._pipeline.sql("SELECT count(*) FROM archive_history").fetchall()
        changes = sum(n for kind, n in ledger.changes.items() if kind not in ("unchanged", "too-large"))
        moments = tuple(self._check(moment, table) for moment, table in self._tables.items())
        return HistoryLedger(changes, int(rows), sum(ledger.firehose.failed.values()), moments)

    def _check(self, moment: datetime, table: Mapping[str, Any]) -> MomentCheck:
        time = f"{moment:%Y-%m-%d %H:%M:%S}"
        with self._place() as place:
            query = saved_queries(self._pipeline.settings, place.dialect)["table_at"].sql
            result = place.ask(Question(query, (time,), athena_sql=query), lambda _: None)
            names = [column.name for column in result.columns]
            rows = [dict(zip(names, row, strict=True)) for row in result.rows]
        found = {
            str(row["ddb_key"]): without_order(json.loads(str(row["ddb_image"])))
            for row in rows
            if row["ddb_is_certain"]
        }
        equal = sum(found.get(key) == item for key, item in table.items())
        return MomentCheck(time, len(table), len(found), equal, len(rows) - len(found))

    def _key(self, item: Mapping[str, Any]) -> str:
        values = (item[name] for name in self._pipeline.settings.table.keys)
        return item_key([str(next(iter(value.values()))) for value in values])

    def _place(self) -> Any:
        pipeline = self._pipeline
        access = local_access(pipeline.s3_proxy.url)
        return bucket_place(pipeline.s3, access, pipeline.bucket, pipeline.settings, pipeline.clock.now)
