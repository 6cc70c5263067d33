"""The questions about one item to a place, and what the place does not see."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ttl_archive.infra.history.item_answer import (
    ArchiveRows,
    ItemAnswer,
    Verdict,
    life_answer,
    unread,
)
from ttl_archive.infra.history.item_changes import ItemChange, read_change
from ttl_archive.infra.query.coverage import Coverage
from ttl_archive.infra.query.query_places import QueryPlace, Question
from ttl_archive.infra.sql.change_identity import item_key
from ttl_archive.infra.sql.history_relation import has_history
from ttl_archive.infra.sql.relations import ARCHIVE
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.replay.errors import MisuseError
from ttl_archive.transform.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNT = f"SELECT count(*) AS row_count, count(ddb_key) AS with_key FROM {ARCHIVE}"  # noqa: S608  our own names


def key_of_item(settings: Settings, values: Sequence[str]) -> dict[str, str]:
    """Return the key attributes with their values. Raises MisuseError when a history is not possible."""
    keys = settings.table.keys
    if not has_history(settings):
        raise MisuseError(
            f"a history needs every change, its image and the table's keys. Set {_lacks(settings)} in "
            f"{settings.file}; changes from before then are not in the archive"
        )
    if len(values) != len(keys):
        raise MisuseError(
            f"the key of {settings.table.name} is {' and '.join(keys)}. Give a value for each, in this order"
        )
    return dict(zip(keys, values, strict=True))


def ask_about_item(
    place: QueryPlace, settings: Settings, key: Mapping[str, str], moment: datetime | None
) -> ItemAnswer:
    """Return the life of an item, or what it was at a moment. Raises QueryError and ReplayError."""
    asked = _Asked(place, settings, item_key(list(key.values())))
    if moment is None:
        changes = asked.life()
        return life_answer(key, changes, asked.coverage) if changes else _nothing(asked, key, None)
    moment_us = (moment - _EPOCH) // timedelta(microseconds=1)
    states, is_certain = asked.states(moment)
    if not states:
        first = asked.life()[:1]
        if not first:
            return _nothing(asked, key, moment_us)
        return ItemAnswer(key, moment_us, Verdict.NOT_YET, first, asked.coverage)
    if not is_certain:
        verdict = Verdict.UNDECIDED
    else:
        verdict = Verdict.NOT_THERE if states[0].is_removal else Verdict.ITEM
    return ItemAnswer(key, moment_us, verdict, states, asked.coverage)


class _Asked:
    """A place that is asked about one item; `coverage` is that of the first question."""

    def __init__(self, place: QueryPlace, settings: Settings, key: str) -> None:
        self._place, self._key = place, key
        self._saved = saved_queries(settings, place.dialect)
        self.coverage: Coverage | None = None

    def life(self) -> list[ItemChange]:
        return [read_change(row) for row in self._rows(self._saved["item_history"].sql, self._key)]

    def states(self, moment: datetime) -> tuple[list[ItemChange], bool]:
        """Return the changes that can be the last at the moment, and whether they leave one state."""
        text = moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        rows = self._rows(self._saved["item_at"].sql, text, self._key)
        rows.sort(key=lambda row: (row["ddb_event_us"], row["ddb_event_name"]))
        return [read_change(row) for row in rows], all(row["ddb_is_certain"] for row in rows)

    def count(self) -> ArchiveRows:
        (row,) = self._rows(_COUNT)
        return ArchiveRows(row["row_count"], row["row_count"] - row["with_key"])

    def _rows(self, sql: str, *parameters: str) -> list[dict[str, Any]]:
        result = self._place.ask(Question(sql, parameters, athena_sql=sql), self._see)
        names = [column.name for column in result.columns]
        return [dict(zip(names, row, strict=True)) for row in result.rows]

    def _see(self, coverage: Coverage) -> None:
        self.coverage = self.coverage or coverage


def _nothing(asked: _Asked, key: Mapping[str, str], moment_us: int | None) -> ItemAnswer:
    """Return that there is no change of the key, told apart from a search that could not see everything."""
    counted = asked.count()
    has_read_all = asked.coverage is not None and not unread(asked.coverage)
    is_sure = counted.rows > 0 and counted.without_key == 0 and has_read_all
    verdict = Verdict.NOTHING_FOUND if is_sure else Verdict.NOTHING_THERE
    return ItemAnswer(key, moment_us, verdict, (), asked.coverage, counted)


def _lacks(settings: Settings) -> str:
    wanted = {
        '[select] changes = "all"': settings.select.changes == "all",
        "[output] image = true": settings.output.image,
        "[table] keys": bool(settings.table.keys),
    }
    return " and ".join(text for text, is_set in wanted.items() if not is_set)
