"""`ttl-archive history`, called as a user calls it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.infra.query.conftest import Delivered
from tests.infra.sql.sql_archive import streams_change
from tests.transform.builders import EVENT_US, change
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.transform.settings import Settings, load

CONFIG = """\
[table]
name = "devices"
ttl_attribute = "ttl"
keys = ["id"]

[select]
changes = "all"

[output]
row = "envelope"
"""
History = Callable[..., Result]
MINUTE_US = 60_000_000
DAY = "2025-11-21"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Settings:
    config = tmp_path / "archive.toml"
    config.write_text(CONFIG)
    monkeypatch.setenv("TTL_ARCHIVE_CONFIG", str(config))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    return load(config)


@pytest.fixture
def history(settings: Settings, delivered: Delivered) -> History:
    """The command over a folder, or over the bucket."""

    def run(*arguments: str, on: str | None = None) -> Result:
        place = on or str(delivered.folder)
        bucket = [] if on is None else ["--bucket", delivered.bucket]
        return CliRunner().invoke(cli, ["history", *arguments, "--on", place, *bucket])

    return run


def image(temperature: str, item: str = "d1", **attributes: Any) -> dict[str, Any]:
    return {"id": {"S": item}, "temperature": {"N": temperature}} | attributes


def at(minute: int, kind: str, new: dict[str, Any], us: int = 0) -> dict[str, Any]:
    """A change so many minutes after EVENT_US."""
    time = {"ApproximateCreationDateTime": EVENT_US + minute * MINUTE_US + us}
    return change(new, kind, dynamodb=time | {"Keys": {"id": new["id"]}}, eventID=f"{minute}-{us}")


def life(settings: Settings, delivered: Delivered) -> None:
    """An item that was written, updated and removed by TTL, with copies, and out of order."""
    changes = [
        at(0, "insert", image("21.5", note={"S": "ab\n"})),
        at(5, "modify", image("22.0", tags={"SS": ["a"]})),
        at(9, "ttl", image("22.0", tags={"SS": ["a"]})),
    ]
    delivered.deliver(settings, changes[2], changes[0], day=DAY)
    delivered.deliver(settings, changes[1], changes[0], day="2025-11-22")


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
