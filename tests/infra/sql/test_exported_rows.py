"""Rows of exports beside removals: which of them `archive_unique` shows, in both engines' SQL."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from tests.infra.sql.athena_functions import in_duckdb, install
from tests.infra.sql.sql_archive import DAY, SHAPES, SqlArchive
from tests.infra.sql.sql_archive import settings as shaped
from tests.transform.builders import EVENT_US, change
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.relations import relations
from ttl_archive.replay.backfill.exported_rows import exported_row_writer
from ttl_archive.transform.settings import Settings, parse

COLUMNS: list[dict[str, Any]] = [{"name": "device", "path": "id"}, {"name": "n", "type": "bigint"}]
# An envelope without an image has neither keys nor TTL for the comparison, and is refused with `backfilled`.
BACKFILLED = [shape for shape in SHAPES if shape != "envelope without image"]
LATER = "2025-12-24"
KEYS = {"id": {"S": "a"}, "at": {"N": "1"}}
ITEM = {**KEYS, "ttl": {"N": "1763706000"}, "n": {"N": "1"}, "tags": {"SS": ["a", "b"]}}
RENEWED = ITEM | {"ttl": {"N": "1766300000"}}


def settings(shape: str) -> Settings:
    found = shaped(shape, COLUMNS, "id", "at")
    return replace(found, table=replace(found.table, backfilled=True))


def export(archive: SqlArchive, chosen: Settings, item: dict[str, Any], us: int = EVENT_US) -> None:
    row = exported_row_writer(chosen)(Raw(json.dumps(item).encode()), None, f"export/x.json.gz:{us}", us)
    archive.write(chosen, row.line)


def remove(
    archive: SqlArchive, chosen: Settings, item: dict[str, Any], us: int, day: str = LATER, kind: str = "ttl"
) -> None:
    part = {"Keys": {name: item[name] for name in KEYS}, "ApproximateCreationDateTime": us}
    archive.deliver(chosen, change(item, kind, dynamodb=part, eventID=str(us)), day=day)


def unique(archive: SqlArchive, chosen: Settings) -> list[tuple[str, int]]:
    """Names and times in `archive_unique`, after checking that both engines' SQL returns the same."""
    query = "SELECT ddb_event_name, ddb_event_us FROM archive_unique ORDER BY 2, 1"
    found = archive.ask(chosen, query)
    with archive.connect(chosen) as connection:
        connection.execute(
            "DROP VIEW archive_history; DROP VIEW archive_latest; DROP VIEW archive_unique; DROP VIEW archive"
        )
        install(connection)
        for name, sql in relations(chosen, AthenaDialect()).items():
            if name.startswith("archive"):
                connection.execute(f"CREATE VIEW {name} AS {in_duckdb(sql)}")
        assert connection.execute(query).fetchall() == found
    return found


@pytest.mark.parametrize("shape", BACKFILLED)
def test_an_item_that_was_backfilled_and_then_removed_by_ttl_is_one_row(tmp_path: Path, shape: str) -> None:
    archive, chosen = SqlArchive(tmp_path), settings(shape)
    export(archive, chosen, ITEM)

    assert unique(archive, chosen) == [("EXPORT", EVENT_US)]

    # The stream has the members of the set and of the item in another order.
    streamed = dict(reversed((ITEM | {"tags": {"SS": ["b", "a"]}}).items()))
    remove(archive, chosen, streamed, EVENT_US + 5)

    assert unique(archive, chosen) == [("REMOVE", EVENT_US + 5)]
    assert archive.ask(chosen, "SELECT count(*) FROM archive") == [(2,)]


@pytest.mark.parametrize("shape", BACKFILLED)
def test_an_item_that_expired_and_was_renewed_keeps_its_exported_row(tmp_path: Path, shape: str) -> None:
    archive, chosen = SqlArchive(tmp_path), settings(shape)
    export(archive, chosen, ITEM)
    remove(archive, chosen, RENEWED, EVENT_US + 5)

    assert unique(archive, chosen) == [("EXPORT", EVENT_US), ("REMOVE", EVENT_US + 5)]


@pytest.mark.parametrize("shape", BACKFILLED)
def test_of_two_exports_the_newer_row_is_shown(tmp_path: Path, shape: str) -> None:
    archive, chosen = SqlArchive(tmp_path), settings(shape)
    for us in (EVENT_US, EVENT_US + 86_400_000_000):
        export(archive, chosen, ITEM, us)

    assert unique(archive, chosen) == [("EXPORT", EVENT_US + 86_400_000_000)]


def test_a_removal_at_the_microsecond_of_the_export_supersedes_it(tmp_path: Path) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("jsonl")
    export(archive, chosen, ITEM)
    remove(archive, chosen, ITEM, EVENT_US)

    assert unique(archive, chosen) == [("REMOVE", EVENT_US)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ITEM | {"at": {"N": "2"}}, id="another sort key"),
        pytest.param({name: value for name, value in ITEM.items() if name != "ttl"}, id="no TTL value"),
    ],
)
def test_another_life_hides_nothing(tmp_path: Path, other: dict[str, Any]) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("jsonl")
    export(archive, chosen, ITEM)
    remove(archive, chosen, other, EVENT_US + 1)

    assert len(unique(archive, chosen)) == 2


def test_an_earlier_removal_and_a_later_update_hide_nothing(tmp_path: Path) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("jsonl")
    export(archive, chosen, ITEM)
    remove(archive, chosen, ITEM, EVENT_US - 1, day=DAY)
    remove(archive, chosen, ITEM, EVENT_US + 1, kind="modify")

    assert [name for name, _ in unique(archive, chosen)] == ["REMOVE", "EXPORT", "MODIFY"]


def test_items_without_a_ttl_value_have_one_life(tmp_path: Path) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("jsonl")
    item = {name: value for name, value in ITEM.items() if name != "ttl"}
    export(archive, chosen, item)
    remove(archive, chosen, item, EVENT_US + 1, kind="user")

    assert [name for name, _ in unique(archive, chosen)] == ["REMOVE"]


def test_without_backfilled_the_relations_compare_nothing() -> None:
    assert "ddb_life" not in str(relations(shaped("jsonl", COLUMNS, "id"), AthenaDialect()))


def test_only_the_removals_are_read_of_every_day() -> None:
    """A condition on the date passes below the window of the left side."""
    left, join, right = relations(settings("jsonl"), AthenaDialect())["archive_unique"].partition("LEFT JOIN")

    assert left.count('PARTITION BY "dt", ') == left.count("PARTITION BY") == 2
    assert join
    assert "WHERE ddb_event_name IN ('REMOVE', 'EXPORT')" in right


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"table": {"backfilled": True}}, "[table] backfilled is true without keys"),
        (
            {"table": {"backfilled": True, "keys": ["id"]}, "output": {"row": "envelope", "image": False}},
            "read keys and TTL from the image",
        ),
    ],
)
def test_what_the_comparison_needs_is_required(section: dict[str, Any], problem: str) -> None:
    document = {"table": {"name": "devices", "ttl_attribute": "ttl"} | section.pop("table"), **section}

    with pytest.raises(Exception, match=problem.replace("[", r"\[")):
        parse(document)


def test_an_empty_archive_has_an_empty_archive_unique(tmp_path: Path) -> None:
    assert SqlArchive(tmp_path).ask(settings("jsonl"), "SELECT * FROM archive_unique") == []
