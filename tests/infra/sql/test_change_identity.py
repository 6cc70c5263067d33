"""Each change once, and the newest change of each key: against a model, and the rule case by case."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.infra.sql.sql_archive import DAY, FLAT, SHAPES, SqlArchive, settings, streams_change
from tests.strategies import twice
from tests.transform.builders import EVENT_US, change
from ttl_archive.infra.sql.relations import NO_KEYS

NEXT_DAY = "2025-11-22"
COLUMNS = [{"name": "id"}, {"name": "n", "type": "bigint"}]
# A row of flat JSONL without an image may have more than its columns, so its event id counts.
WHOLE = [shape for shape in SHAPES if shape != "jsonl without image"]


def count(archive: SqlArchive, shape: str, relation: str = "archive_unique") -> int:
    ((found,),) = archive.ask(settings(shape, COLUMNS), f"SELECT count(*) FROM {relation}")
    return int(found)


def deliver(archive: SqlArchive, shape: str, *records: dict[str, Any], day: str = DAY) -> None:
    archive.deliver(settings(shape, COLUMNS), *records, day=day)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_copy_is_shown_once(tmp_path: Path, shape: str) -> None:
    archive, record = SqlArchive(tmp_path), change({"id": {"S": "a"}, "more": {"S": "x"}})
    deliver(archive, shape, record, record)

    assert (count(archive, shape, "archive"), count(archive, shape)) == (2, 1)


@pytest.mark.parametrize("shape", WHOLE)
def test_on_the_kinesis_feed_a_copy_may_have_another_event_id(tmp_path: Path, shape: str) -> None:
    archive = SqlArchive(tmp_path)
    deliver(archive, shape, change(eventID="1"), change(eventID="2"))

    assert count(archive, shape) == 1


def test_a_row_without_all_of_its_item_is_reported_by_its_event_id(tmp_path: Path) -> None:
    archive = SqlArchive(tmp_path)
    deliver(archive, "jsonl without image", change(eventID="1"), change(eventID="2"), change(eventID="2"))

    assert count(archive, "jsonl without image") == 2


@pytest.mark.parametrize("shape", SHAPES)
def test_on_the_streams_feed_the_event_id_tells_two_changes_of_one_second_apart(
    tmp_path: Path, shape: str
) -> None:
    """An item was removed, put again and removed again within a second, with the same image."""
    archive = SqlArchive(tmp_path)
    first, second = (streams_change({"id": {"S": "a"}}, eventID=event_id) for event_id in "12")
    deliver(archive, shape, first, second, first)

    assert count(archive, shape) == 2


def on_both_roads(image: dict[str, Any], us: int, event_id: str) -> list[dict[str, Any]]:
    """The records of one TTL removal on the Kinesis feed and on the Streams feed."""
    time = {"ApproximateCreationDateTime": us}
    kinesis = change(twice(image), eventID=f"kinesis-{event_id}", dynamodb=time)
    return [kinesis, streams_change(image, us // 1_000_000, eventID=f"streams-{event_id}")]


@pytest.mark.parametrize("shape", WHOLE)
def test_a_ttl_removal_that_came_by_both_roads_is_shown_once(tmp_path: Path, shape: str) -> None:
    """The row of the Kinesis road is kept, because it has the exact time."""
    archive = SqlArchive(tmp_path)
    image = {"id": {"S": "a"}, "b": {"B": "AP8="}}
    deliver(archive, shape, *on_both_roads(image, EVENT_US, "1"), *on_both_roads(image, EVENT_US, "1"))

    found = archive.ask(settings(shape, COLUMNS), "SELECT ddb_event_us FROM archive_unique")
    assert found == [(EVENT_US,)]


@pytest.mark.parametrize("shape", WHOLE)
def test_two_removals_of_one_image_in_one_second_stay_two_on_both_roads(tmp_path: Path, shape: str) -> None:
    archive = SqlArchive(tmp_path)
    image = {"id": {"S": "a"}}
    deliver(archive, shape, *on_both_roads(image, EVENT_US, "1"), *on_both_roads(image, EVENT_US + 9, "2"))
    deliver(archive, shape, *on_both_roads(image, EVENT_US, "1"))

    assert count(archive, shape) == 2


@pytest.mark.parametrize("shape", WHOLE)
def test_a_removal_that_one_road_has_alone_is_shown(tmp_path: Path, shape: str) -> None:
    archive = SqlArchive(tmp_path)
    image = {"id": {"S": "a"}}
    (kinesis, first), (_, second) = (on_both_roads(image, EVENT_US + n, str(n)) for n in (1, 2))
    deliver(archive, shape, kinesis, first, second)

    assert count(archive, shape) == 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("image", "later_us"),
    [({"id": {"S": "b"}}, 0), ({"id": {"S": "a"}, "more": {"N": "1"}}, 0), ({"id": {"S": "a"}}, 1_000_000)],
    ids=["key", "image", "second"],
)
def test_another_removal_of_the_other_road_is_shown(
    tmp_path: Path, shape: str, image: dict[str, Any], later_us: int
) -> None:
    archive = SqlArchive(tmp_path)
    kinesis, _ = on_both_roads({"id": {"S": "a"}}, EVENT_US, "1")
    _, streams = on_both_roads(image, EVENT_US + later_us, "2")
    streams["dynamodb"]["Keys"] = {"id": image["id"]}
    deliver(archive, shape, kinesis, streams)

    assert count(archive, shape) == 2


@pytest.mark.parametrize("shape", SHAPES)
def test_only_ttl_removals_are_compared_between_the_roads(tmp_path: Path, shape: str) -> None:
    archive = SqlArchive(tmp_path)
    kinesis, streams = on_both_roads({"id": {"S": "a"}}, EVENT_US, "1")
    deliver(archive, shape, *(record | {"userIdentity": None} for record in (kinesis, streams)))

    assert count(archive, shape) == 2


def test_rows_without_all_of_their_item_are_shown_from_both_roads(tmp_path: Path) -> None:
    """Two items with the same columns could be taken for one."""
    archive = SqlArchive(tmp_path)
    deliver(archive, "jsonl without image", *on_both_roads({"id": {"S": "a"}}, EVENT_US, "1"))

    assert count(archive, "jsonl without image") == 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "other",
    [
        change({"id": {"S": "b"}}, dynamodb={"Keys": {"id": {"S": "b"}}}, eventID="2"),
        change({"id": {"S": "a"}, "n": {"S": "x"}}, eventID="2"),
        change({"id": {"S": "a"}, "n": {"S": "y"}}, eventID="2"),
        change({"id": {"S": "a"}, "undeclared": {"N": "1"}}, eventID="2"),
        change(dynamodb={"ApproximateCreationDateTime": EVENT_US + 1}, eventID="2"),
        change(kind="insert", eventID="2"),
    ],
    ids=["key", "misfit", "another misfit", "undeclared", "microsecond", "name"],
)
def test_no_change_is_hidden_by_another(tmp_path: Path, shape: str, other: dict[str, Any]) -> None:
    archive = SqlArchive(tmp_path)
    deliver(archive, shape, change(eventID="1"), other)

    assert count(archive, shape) == 2


def test_two_misfits_of_one_column_are_two_changes(tmp_path: Path) -> None:
    """Both are NULL in the column, so the rule must compare texts."""
    archive = SqlArchive(tmp_path)
    images = [{"id": {"S": "a"}, "n": {"S": text}} for text in ("x", "y")]
    deliver(archive, "csv", *(change(image) for image in images))

    assert count(archive, "csv") == 2


def test_what_cannot_be_read_exactly_hides_nothing(tmp_path: Path) -> None:
    """Both images are NULL in DuckDB, so that the event id decides."""
    archive = SqlArchive(tmp_path)
    images = [{"n": {"N": f"0.1234567890123456789{digit}"}} for digit in (1, 2)]
    deliver(
        archive,
        "envelope without image",
        *(change(image, eventID=str(n)) for n, image in enumerate(images)),
    )

    assert count(archive, "envelope without image") == 2


def test_a_copy_that_was_transformed_by_other_columns_is_the_same_change(tmp_path: Path) -> None:
    """A replay by today's archive.toml delivers the same image with other members."""
    archive, record = SqlArchive(tmp_path), change({"id": {"S": "a"}, "n": {"N": "1"}})
    archive.deliver(settings("jsonl", [{"name": "id"}, {"name": "old_name", "path": "n"}]), record)
    deliver(archive, "jsonl", record)

    assert count(archive, "jsonl") == 1


def test_a_copy_of_another_day_is_found_by_the_saved_query(tmp_path: Path) -> None:
    archive, record, chosen = SqlArchive(tmp_path), change(), settings("jsonl", COLUMNS)
    for day in (DAY, NEXT_DAY, "2025-11-29"):
        archive.deliver(chosen, record, day=day)

    assert count(archive, "jsonl") == 3
    assert len(archive.saved(chosen, "unique_over_days", DAY, NEXT_DAY)) == 1
    assert len(archive.saved(chosen, "unique_over_days", DAY, "2025-11-29")) == 1


@pytest.mark.parametrize("shape", FLAT)
def test_without_key_attributes_archive_latest_says_what_is_missing(tmp_path: Path, shape: str) -> None:
    archive = SqlArchive(tmp_path)
    deliver(archive, shape, change())

    with pytest.raises(Exception, match=NO_KEYS.replace("[", r"\[")):
        archive.ask(settings(shape, COLUMNS), "SELECT id FROM archive_latest")


@pytest.mark.parametrize("shape", FLAT)
def test_rows_whose_key_is_missing_are_not_taken_for_one_item(tmp_path: Path, shape: str) -> None:
    archive, chosen = SqlArchive(tmp_path), settings(shape, COLUMNS, "id", "sort")
    archive.deliver(chosen, change({"id": {"S": "a"}}, eventID="1"), change({"n": {"N": "1"}}, eventID="2"))

    assert len(archive.ask(chosen, "SELECT id FROM archive_latest")) == 2


# A change: which of three items, its version, and its time in microseconds after the first.
changes_of_items = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(0, 3)),
    min_size=1,
    max_size=8,
    unique_by=lambda entry: (entry[0], entry[2]),
)


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(["kinesis", "streams"]),
    changes_of_items,
    st.randoms(use_true_random=False),
)
def test_copies_and_disorder_change_nothing(shape: str, feed: str, wanted: list[Any], random: Any) -> None:
    """Each hop may repeat a record and none keeps the order: the answers are those of the model."""
    deliveries = []
    for number, (item, version, tick) in enumerate(wanted):
        image = {"pk": {"S": item}, "n": {"N": str(version)}, "tick": {"N": str(tick)}}
        part = {"Keys": {"pk": {"S": item}}}
        if feed == "streams":
            record = streams_change(image, EVENT_US // 1_000_000 + tick, eventID=str(number))
            record["dynamodb"] |= part
        else:
            time = {"ApproximateCreationDateTime": EVENT_US + tick}
            record = change(image, eventID=str(number), dynamodb=part | time)
        copies = 1 + random.randrange(3)  # repeated by DynamoDB, by the stream or by Firehose
        deliveries += [(DAY, record)] * copies
        if random.random() < 0.3:
            deliveries.append((NEXT_DAY, record))  # repeated over midnight, or replayed later
    random.shuffle(deliveries)
    columns = [
        {"name": "item", "path": "pk"},
        {"name": "n", "type": "bigint"},
        {"name": "tick", "type": "bigint"},
    ]
    chosen = settings(shape, columns, "pk")
    with tempfile.TemporaryDirectory() as folder:
        archive = SqlArchive(Path(folder))
        for day, record in deliveries:
            archive.deliver(chosen, record, day=day)
        rows = archive.ask(chosen, "SELECT count(*) FROM archive")
        unique = archive.ask(chosen, "SELECT dt, ddb_change, ddb_key FROM archive_unique")
        over_days = archive.saved(chosen, "unique_over_days", DAY, NEXT_DAY)
        latest = archive.ask(chosen, "SELECT ddb_key, ddb_event_us FROM archive_latest ORDER BY 1")

    second = 1_000_000 if feed == "streams" else 1
    first = EVENT_US // second * second
    newest = {item: max(tick for other, _, tick in wanted if other == item) for item, _, _ in wanted}
    named = {item: item if shape != "envelope without image" else f'{{"pk":"{item}"}}' for item in newest}
    assert rows == [(len(deliveries),)]
    assert len(unique) == len({(day, record["eventID"]) for day, record in deliveries})
    assert len({entry[1] for entry in unique}) == len(over_days) == len(wanted)
    assert latest == [(named[item], first + newest[item] * second) for item in sorted(newest)]
