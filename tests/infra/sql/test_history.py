"""The life of an item and the table at a moment: against a model of a table, and the rule case by case."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.infra.sql.athena_functions import in_duckdb, install
from tests.infra.sql.sql_archive import DAY, SHAPES, SqlArchive, keep_rows, settings, streams_change
from tests.transform.builders import change
from ttl_archive.infra.query.engine import create_relations, open_engine, run_in_engine
from ttl_archive.infra.query.query_errors import QueryFailedError
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.change_identity import item_key
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.history_relation import NO_HISTORY
from ttl_archive.infra.sql.relations import relations
from ttl_archive.infra.sql.saved_queries import HISTORY_QUERIES, saved_queries
from ttl_archive.transform.settings import Settings

START_US = 1_763_706_412_000_000  # 2025-11-21 06:26:52 UTC, a whole second
DAYS = (DAY, "2025-11-22", "2026-03-01")
RESOLUTION_US = {"microseconds": 1, "milliseconds": 1_000, "seconds": 1_000_000}
KINDS = {"INSERT": "insert", "MODIFY": "modify"}
COLUMNS = [{"name": "id"}]
CHOSEN = settings("envelope", [], "id", "at")


@dataclass(frozen=True)
class Change:
    """A change of the model: when it really happened, and the state of the item before and after it."""

    item: str
    us: int
    before: str | None
    after: str | None
    by_ttl: bool
    number: int

    def record(self, feed: str) -> dict[str, Any]:
        """Return the change record, whose time has the resolution of the feed."""
        name = "INSERT" if self.before is None else "REMOVE" if self.after is None else "MODIFY"
        kind = KINDS.get(name) or ("ttl" if self.by_ttl else "user")
        recorded = self.us // RESOLUTION_US[feed] * RESOLUTION_US[feed]
        keys = {"id": {"S": self.item}, "at": {"N": "1"}}
        images = {
            image: keys | {"v": {"S": value}}
            for image, value in (("NewImage", self.after), ("OldImage", self.before))
            if value is not None
        }
        if feed == "seconds":
            record = streams_change({}, recorded // 1_000_000, eventID=str(self.number))
            shown = change({}, kind)
            record |= {"eventName": name, "userIdentity": shown["userIdentity"]}
        else:
            record = change({}, kind, eventID=str(self.number))
            record["dynamodb"]["ApproximateCreationDateTime"] = recorded
        for image in ("NewImage", "OldImage"):
            record["dynamodb"].pop(image, None)
        record["dynamodb"] |= {"Keys": keys, **images}
        return record


@st.composite
def lives(draw: st.DrawFn) -> list[Change]:
    """Draw the writes, updates and removals of two items; several can share a microsecond or a second."""
    table: dict[str, str] = {}
    us, found = START_US, []
    for number in range(draw(st.integers(1, 7))):
        us += draw(st.sampled_from([0, 0, 1, 1_000, 400_000, 1_000_000, 86_400_000_000]))
        item = draw(st.sampled_from("ab"))
        before, after = table.pop(item, None), draw(st.sampled_from([None, "x", "y", "z"]))
        if after is not None:
            table[item] = after
        if before != after:  # DynamoDB writes no change record otherwise
            found.append(Change(item, us, before, after, draw(st.booleans()), number))
    return found


def possible_states(changes: Sequence[Change], feed: str, moment: int) -> set[str | None]:
    """Return every state of one item that its recorded times allow; `unknown` before the first change."""
    size = RESOLUTION_US[feed]

    def first(each: Change) -> int:
        return each.us // size * size

    def last(each: Change) -> int:
        # The number alone shows the resolution, so a time that ends in zeros can be one of a coarser feed.
        shown = first(each)
        return shown + (999_999 if shown % 1_000_000 == 0 else 999 if shown % 1_000 == 0 else 0)

    found: set[str | None] = set()
    for order in permutations(changes):
        if any(last(later) < first(earlier) for n, earlier in enumerate(order) for later in order[n:]):
            continue
        for happened in range(len(order) + 1):
            if all(first(each) <= moment for each in order[:happened]) and all(
                last(each) > moment for each in order[happened:]
            ):
                found.add(order[happened - 1].after if happened else "unknown")
    return found


def true_state(changes: Sequence[Change], moment: int) -> str | None:
    """Return the state of one item as the model has it; `unknown` before its first change."""
    states = [each.after for each in changes if each.us <= moment]
    return states[-1] if states else "unknown"


def written(us: int) -> str:
    """Return a time as a saved query takes it."""
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    return time.isoformat(sep=" ", timespec="microseconds").removesuffix("+00:00")


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine() as connection:
        yield connection


def saved(
    connection: duckdb.DuckDBPyConnection, name: str, *parameters: str, chosen: Settings = CHOSEN
) -> list[dict[str, Any]]:
    """Return the rows of a saved query, by the names of their columns."""
    query = saved_queries(chosen, DuckDbDialect())[name]
    answer = run_in_engine(connection, query.sql, parameters)
    names = [column.name for column in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


def state_of(row: dict[str, Any]) -> str | None:
    if row["ddb_event_name"] == "REMOVE":
        return None
    value: str = json.loads(row["ddb_image"])["v"]["S"]
    return value


@hypothesis_settings(max_examples=25, deadline=None)
@given(life=lives(), feed=st.sampled_from(list(RESOLUTION_US)), random=st.randoms(use_true_random=False))
def test_the_archive_answers_as_the_table_was(
    engine: duckdb.DuckDBPyConnection, life: list[Change], feed: str, random: Any
) -> None:
    """Changes are repeated and reordered at each hop; the answer at a moment is what their times allow."""
    deliveries = []
    for each in life:
        record = each.record(feed)
        deliveries += [(DAY, record)] * (
            1 + random.randrange(3)
        )  # DynamoDB, the stream or Firehose repeats it
        if feed == "microseconds":  # a copy on that feed may have another event id
            deliveries += [(DAY, record | {"eventID": f"again-{each.number}"})] * random.randrange(2)
        if random.random() < 0.4:  # over midnight, or replayed months later
            deliveries.append((random.choice(DAYS), record))
    random.shuffle(deliveries)
    with tempfile.TemporaryDirectory() as folder:
        archive = SqlArchive(Path(folder))
        for day in DAYS:
            archive.deliver(CHOSEN, *(record for other, record in deliveries if other == day), day=day)
        create_relations(engine, archive.files, [], CHOSEN)
        keep_rows(engine, "archive_history", "archive_history")
        moments = {us for each in life for us in (each.us - 1, each.us, each.us + 1, each.us + 1_000_000)}
        for moment in sorted(moments):
            rows = saved(engine, "table_at", written(moment))
            for item in "ab":
                changes = [each for each in life if each.item == item]
                key = item_key([item, "1"])
                mine = [row for row in rows if row["ddb_key"] == key]
                possible = possible_states(changes, feed, moment)

                states = {state_of(row) for row in mine}
                is_certain = all(row["ddb_is_certain"] for row in mine)
                assert true_state(changes, moment) in possible
                assert is_certain == (len(possible) == 1) or not mine
                # An item that certainly is not there has no row, and the state before the archive has none.
                assert states == possible - {"unknown"} or (not mine and possible <= {None, "unknown"})
                assert len(possible) == 1 or mine
        for item in "ab":
            found = saved(engine, "item_history", item_key([item, "1"]))
            mine = [each for each in life if each.item == item]
            assert {state_of(row) for row in found} == {each.after for each in mine}
            assert len({row["ddb_change"] for row in found}) == len(found)
            if all(row["ddb_step_changes"] == 1 for row in found):
                assert [state_of(row) for row in found] == [each.after for each in mine]


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "without" not in shape and shape != "csv"])
def test_every_row_with_an_image_has_a_history(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, shape: str
) -> None:
    chosen, archive = settings(shape, COLUMNS, "id"), SqlArchive(tmp_path)
    archive.deliver(chosen, Change("a", START_US + 1, None, "x", False, 1).record("microseconds"))
    create_relations(engine, archive.files, [], chosen)

    (row,) = saved(engine, "item_history", "a", chosen=chosen)
    assert (state_of(row), row["ddb_latest_us"], row["ddb_step"]) == ("x", START_US + 1, 1)


def test_a_key_is_read_from_the_image_where_the_engine_cannot_read_the_envelope_s(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    chosen, archive = settings("envelope", [], "id"), SqlArchive(tmp_path)
    digits = "0.12345678901234567890123456789012345678"
    record = change({"id": {"N": digits}}, "insert", dynamodb={"Keys": {"id": {"N": digits}}})
    archive.deliver(chosen, record)
    create_relations(engine, archive.files, [], chosen)

    assert [row["keys"] for row in saved(engine, "item_history", digits, chosen=chosen)] == [None]


def test_who_changed_a_value_and_when(engine: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    states = [None, "x", "x/~", "y", None, "z"]
    pairs = pairwise(states)
    life = [Change("a", START_US + 1 + n, *pair, True, n) for n, pair in enumerate(pairs)]
    archive = SqlArchive(tmp_path)
    archive.deliver(CHOSEN, *(each.record("microseconds") for each in life))
    create_relations(engine, archive.files, [], CHOSEN)

    found = saved(engine, "value_changes", item_key(["a", "1"]), "v")
    names = ("ddb_event_name", "ddb_removed_by", "value_before", "value_after", "ddb_before_is_known")
    x, other, y, z = (f'{{"S":"{state}"}}' for state in ("x", "x/~", "y", "z"))
    assert [tuple(row[name] for name in names) for row in found] == [
        ("INSERT", None, None, x, True),
        ("MODIFY", None, x, other, True),
        ("MODIFY", None, other, y, True),
        ("REMOVE", "ttl", y, None, True),
        ("INSERT", None, None, z, True),
    ]
    assert [row["value_after"] for row in saved(engine, "value_changes", item_key(["a", "1"]), "at")] == [
        '{"N":"1"}',
        None,
        '{"N":"1"}',
    ]


def test_a_value_before_is_unknown_where_changes_cannot_be_ordered(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    life = [
        Change("a", START_US, "w", "x", False, 1),
        Change("a", START_US + 5, "x", "y", False, 2),
        Change("a", START_US + 1_000_000, "y", "z", False, 3),
    ]
    archive = SqlArchive(tmp_path)
    archive.deliver(CHOSEN, *(each.record("seconds") for each in life))
    create_relations(engine, archive.files, [], CHOSEN)

    found = saved(engine, "value_changes", item_key(["a", "1"]), "v")
    assert [(row["value_before"], row["ddb_before_is_known"], row["ddb_step_changes"]) for row in found] == [
        (None, False, 2),
        (None, False, 2),
        (None, False, 1),
    ]


@pytest.mark.parametrize(
    ("shape", "keys", "changes"),
    [
        ("jsonl", ["id"], "removals"),
        ("jsonl without image", ["id"], "all"),
        ("jsonl", [], "all"),
        ("envelope", [], "all"),
    ],
)
def test_without_what_it_needs_the_relation_says_so(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, shape: str, keys: list[str], changes: str
) -> None:
    chosen, archive = settings(shape, COLUMNS, *keys, changes=changes), SqlArchive(tmp_path)
    archive.deliver(settings(shape, COLUMNS, *keys), change())
    create_relations(engine, archive.files, [], chosen)

    with pytest.raises(QueryFailedError, match=NO_HISTORY.partition("[")[0]):
        list(run_in_engine(engine, "SELECT * FROM archive_history").rows)
    assert not set(HISTORY_QUERIES) & set(saved_queries(chosen, DuckDbDialect()))


def test_both_dialects_answer_alike(engine: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    life = [
        Change("a", START_US + 7, None, "x", False, 1),
        Change("a", START_US + 8, "x", "y/~", False, 2),
        Change("b", START_US + 9, None, "x", False, 3),
        Change("b", START_US + 9, "x", None, True, 4),
    ]
    archive, key = SqlArchive(tmp_path), item_key(["a", "1"])
    archive.deliver(CHOSEN, *(each.record("microseconds") for each in life))
    parameters = {
        "item_history": [key],
        "item_at": [written(START_US + 7), key],
        "table_at": [written(START_US + 9)],
        "value_changes": [key, "v"],
    }
    create_relations(engine, archive.files, [], CHOSEN)
    ours = {name: saved(engine, name, *values) for name, values in parameters.items()}

    with archive.connect(CHOSEN) as connection:
        install(connection)
        connection.execute("DROP VIEW archive_history")
        history = relations(CHOSEN, AthenaDialect())["archive_history"]
        connection.execute(f"CREATE VIEW archive_history AS {in_duckdb(history)}")
        queries = saved_queries(CHOSEN, AthenaDialect())
        for name, values in parameters.items():
            answer = connection.execute(in_duckdb(queries[name].sql), values)
            names = [column[0] for column in answer.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
            assert rows == ours[name], name

    assert {name: len(rows) for name, rows in ours.items()} == {
        "item_history": 2, "item_at": 1, "table_at": 3, "value_changes": 2,
    }  # fmt: skip
