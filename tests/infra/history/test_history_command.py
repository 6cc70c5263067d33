"""`ttl-archive history`, called as a user calls it."""

import gzip
import json
from pathlib import Path

import pytest

from tests.infra.history.conftest import History
from tests.infra.history.lives import CONFIG, DAY, at, image, life
from tests.infra.query.conftest import Delivered
from tests.infra.sql.sql_archive import streams_change
from tests.transform.builders import EVENT_US
from ttl_archive.transform.settings import Settings


def test_the_life_of_an_item_is_shown_in_order(
    history: History, settings: Settings, delivered: Delivered
) -> None:
    life(settings, delivered)

    result = history("d1")
    assert result.stdout == (
        "id d1: 3 changes\n"
        "2025-11-21 06:26:52.123456 UTC  INSERT\n"
        '  id                        "d1"\n'
        "  temperature               21.5\n"
        '  note                      "ab\\n"\n'
        "2025-11-21 06:31:52.123456 UTC  MODIFY\n"
        "  temperature               21.5 -> 22.0\n"
        '  tags                      {"SS":["a"]}\n'
        '  note                      "ab\\n" -> (none)\n'
        "2025-11-21 06:35:52.123456 UTC  REMOVE by TTL\n"
    )
    assert (result.stderr, result.exit_code) == ("", 0)


@pytest.mark.parametrize(
    ("moment", "exit_code", "lines"),
    [
        (
            "2025-11-21T06:31:52.123456",
            0,
            ["id d1 as it was at 2025-11-21 06:31:52.123456 UTC", "  temperature               22.0"],
        ),
        ("2025-11-21T06:31:52.123455", 0, ["  temperature               21.5"]),
        ("2025-11-22", 0, ["id d1 was not in the table at 2025-11-22 00:00:00.000000 UTC"]),
        ("2025-11-21", 4, ["first change is INSERT at 2025-11-21 06:26:52.123456 UTC: the item was"]),
    ],
)
def test_an_item_is_shown_as_it_was_at_a_moment(
    history: History, settings: Settings, delivered: Delivered, moment: str, exit_code: int, lines: list[str]
) -> None:
    life(settings, delivered)

    result = history("d1", "--as-of", moment)
    assert result.exit_code == exit_code, result.output
    for line in lines:
        assert line in result.stdout.replace("\n", " ")
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_changes_of_one_second_are_not_ordered(
    history: History, settings: Settings, delivered: Delivered
) -> None:
    second = EVENT_US // 1_000_000
    first = streams_change(image("1"), second, eventID="1", eventName="INSERT", userIdentity=None)
    first["dynamodb"]["NewImage"] = first["dynamodb"].pop("OldImage")
    delivered.deliver(settings, first, streams_change(image("1"), second, eventID="2"))

    result = history("d1", "--as-of", "2025-11-21T07:00")
    assert result.exit_code == 3
    assert "the recorded times do not decide" in result.stdout
    assert "  temperature               1\n" in result.stdout
    assert "REMOVE by TTL\n  (no item)\n" in result.stdout
    whole = history("d1")
    assert whole.exit_code == 3
    assert "-- the next 2 changes cannot be ordered: the same second --" in whole.stdout


def test_a_missing_change_is_reported(history: History, settings: Settings, delivered: Delivered) -> None:
    """The removal has an image that no change before it left."""
    delivered.deliver(settings, at(0, "insert", image("1")), at(1, "ttl", image("2")))

    result = history("d1")
    assert result.exit_code == 3
    assert "-- a change between these two is not in the archive --" in result.stdout
    assert "A change is missing" in result.stderr


def test_the_document_has_every_value_whole(
    history: History, settings: Settings, delivered: Delivered
) -> None:
    digits = "0.12345678901234567890123456789012345678"
    delivered.deliver(settings, at(0, "insert", image(digits)))

    result = history("d1", "--as-of", "2026-01-01", "--json")
    document = json.loads(result.stdout)
    assert document["verdict"] == "item"
    assert document["changes"][0]["image"]["temperature"] == {"N": digits}
    assert document["coverage"]["objects"] == 1
    assert result.exit_code == 0


def test_a_key_without_a_change_is_nothing_found(
    history: History, settings: Settings, delivered: Delivered
) -> None:
    life(settings, delivered)

    result = history("other")
    assert result.exit_code == 4
    assert "Nothing found: none of the 4 rows of the archive is of id other." in result.stdout


@pytest.mark.parametrize("arguments", [("other",), ("other", "--as-of", "2026-01-01")])
def test_an_object_in_glacier_is_nothing_there(
    history: History, settings: Settings, delivered: Delivered, arguments: tuple[str, ...]
) -> None:
    life(settings, delivered)
    delivered.freeze(delivered.keys[0])

    result = history(*arguments, on="s3")
    assert result.exit_code == 5
    assert "Nothing there to answer from" in result.stdout
    assert "1 object in GLACIER" in result.stdout.replace("\n", " ")
    assert "ttl-archive restore --bucket" in result.stderr


def test_an_answer_beside_an_object_in_glacier_is_open(
    history: History, settings: Settings, delivered: Delivered
) -> None:
    life(settings, delivered)
    delivered.freeze(delivered.keys[1])

    result = history("d1", "--json", on="s3")
    document = json.loads(result.stdout)
    assert (document["verdict"], document["not_read"]) == ("life", ["1 object in GLACIER"])
    assert result.exit_code == 3


def test_no_whole_row_is_nothing_there(history: History, settings: Settings, delivered: Delivered) -> None:
    delivered.put(f"archive/devices/dt={DAY}/x.jsonl.gz", gzip.compress(b"broken\n"))

    result = history("d1")
    assert result.exit_code == 5
    assert "no row that can be read" in result.stdout.replace("\n", " ")


def test_a_key_that_no_row_has_is_nothing_there(
    history: History, settings: Settings, delivered: Delivered, tmp_path: Path
) -> None:
    life(settings, delivered)
    (tmp_path / "archive.toml").write_text(CONFIG.replace('"id"', '"Id"').replace("envelope", "flat"))

    result = history("d1")
    assert result.exit_code == 5
    assert "4 rows without a readable key" in result.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("change_config", "message"),
    [
        (('changes = "all"', 'changes = "removals"'), '[select] changes = "all"'),
        (('keys = ["id"]', ""), "[table] keys"),
        (('row = "envelope"', "image = false"), "[output] image = true"),
        (('keys = ["id"]', 'keys = ["id", "at"]'), "the key of devices is id and at"),
    ],
)
def test_what_a_history_needs_is_named(
    history: History, settings: Settings, tmp_path: Path, change_config: tuple[str, str], message: str
) -> None:
    (tmp_path / "archive.toml").write_text(CONFIG.replace(*change_config))

    result = history("d1")
    assert result.exit_code == 2
    assert message in result.stderr
