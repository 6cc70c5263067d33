"""`ttl-archive report`, called as a user calls it, against numbers that are known beforehand."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.infra.report.known_archive import CONFIG, KnownArchive, object_key
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.moto_server.emulator import Emulator


def report(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["report", *arguments])


def numbers_of(*arguments: str) -> dict[str, Any]:
    result = report(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def numbers(archive: KnownArchive, environment: Path) -> dict[str, Any]:
    return numbers_of("--on", "s3", "--month", "2026-10")


def test_rows_are_distinct_changes_and_a_day_in_glacier_has_no_number(
    numbers: dict[str, Any], archive: KnownArchive
) -> None:
    days = {day["day"]: day["rows"] for day in numbers["rows"]["days"]}

    assert days == archive.rows | {"2026-10-04": None}
    assert [day["day"] for day in numbers["rows"]["days"] if day["frozen"]] == ["2026-10-04"]


def test_lags_are_counted_by_class_to_the_second(numbers: dict[str, Any]) -> None:
    """Day n has the first n % 7 + 1 of seven lags; day 4 is in GLACIER. Two more have 60 and 90 seconds."""
    lags = [0] * 7
    for day in (1, 2, 3, 5, 6, 7, 8, 9, 10):
        for place in range(day % 7 + 1):
            lags[(1, 1, 2, 3, 4, 5, 6)[place]] += 1
    lags[1] += 1 + 2  # the copy, and the two replayed records

    found = [sum(day["lags"][place] for day in numbers["rows"]["days"] if day["lags"]) for place in range(7)]
    assert found == lags
    assert max(day["longest_lag_s"] or 0 for day in numbers["rows"]["days"]) == 60 * 3600


def test_objects_are_counted_by_class_and_against_the_line_of_128_kib(
    numbers: dict[str, Any], archive: KnownArchive
) -> None:
    october = {key: size for key, size in archive.sizes.items() if "dt=2026-10" in key}
    objects = numbers["objects"]
    standard = objects["of_period"]["STANDARD"]

    assert objects["of_period"]["GLACIER"] == {
        "objects": 1,
        "bytes": archive.sizes[object_key("2026-10-04", "first")],
    }
    replayed = 1
    assert standard["objects"] == len(october) - 1 + replayed
    assert sum(objects["sizes"]) == len(october) + replayed
    assert objects["below_line"]["objects"] == sum(size < 131_072 for size in october.values()) + replayed
    assert objects["sizes"][2] == 1  # from 128 KiB to 1 MiB
    assert objects["of_archive"]["STANDARD"]["objects"] == standard["objects"] + 1  # that of September


def test_drops_are_the_sums_of_cloudwatch_and_a_rule_without_a_datapoint_has_no_number(
    numbers: dict[str, Any],
) -> None:
    sums = numbers["functions"]["sums"]

    assert (sums["DroppedNotRemoval"], sums["DroppedUserRemoval"]) == (7, 3)
    assert "DroppedTtlRemoval" not in sums


def test_error_objects_are_counted_by_state_and_cause(numbers: dict[str, Any]) -> None:
    assert numbers["failed"]["objects"] == {"done": 1, "open": 1}
    assert [(each["state"], each["records"]) for each in numbers["failed"]["causes"]] == [
        ("open", 1),
        ("open", 1),
        ("done", 2),
    ]


def test_replays_are_those_that_ended_in_the_period(archive: KnownArchive, environment: Path) -> None:
    now = numbers_of("--on", "s3", "--month", f"{datetime.now(UTC):%Y-%m}")["replays"]

    assert (now["objects"], now["delivered"], now["refused"]) == (1, 2, 0)


def test_costs_are_the_prices_times_what_was_counted(numbers: dict[str, Any]) -> None:
    parts = {part["part"]: Decimal(part["usd"]) for part in numbers["costs"]}
    standard = numbers["objects"]["of_archive"]["STANDARD"]["bytes"]
    in_glacier = numbers["objects"]["of_archive"]["GLACIER"]["bytes"]

    # 0.023, 0.0036 and 0.005 US dollars; 8 KiB and 32 KiB beside an object in GLACIER; changes of 2 KiB each.
    assert float(parts["S3, a month of what is in STANDARD"]) == pytest.approx(standard / 2**30 * 0.023)
    glacier = ((in_glacier + 32 * 1024) * 0.0036 + 8 * 1024 * 0.023) / 2**30
    assert float(parts["S3, a month of what is in GLACIER"]) == pytest.approx(glacier)
    assert float(parts["DynamoDB, changes to the data stream"]) == pytest.approx(40 * 2 * 0.10 / 1e6)
    assert Decimal(numbers["total"]) == sum(parts.values())


def test_what_a_folder_does_not_have_is_never_zero(archive: KnownArchive, environment: Path) -> None:
    numbers = numbers_of("--on", str(archive.copy), "--month", "2026-10")

    for part in ("functions", "failed", "replays", "total"):
        assert "not_counted" in numbers[part], part
    assert sum(day["rows"] for day in numbers["rows"]["days"]) > sum(archive.rows.values())


def test_the_default_is_the_last_month_with_an_object(
    archive: KnownArchive, environment: Path, tmp_path: Path
) -> None:
    out = tmp_path / "page.html"

    result = report("--on", "s3", "--out", str(out))

    assert result.exit_code == 0, result.output
    assert str(out) in result.stderr
    assert 'Archive of devices, <span class="whole">2026-10</span></h1>' in out.read_text(encoding="utf-8")


def test_a_month_that_is_none_names_one_that_is(environment: Path) -> None:
    result = report("--on", "s3", "--month", "2026-13")

    assert result.exit_code == 2
    assert '"2026-13" is no month. Write --month 2026-11' in result.stderr


def test_on_the_streams_road_discarded_batches_have_no_number_until_their_bucket_is_named(
    archive: KnownArchive, environment: Path, emulator: Emulator, tmp_path: Path
) -> None:
    config = tmp_path / "archive.toml"
    config.write_text(CONFIG.replace("[deploy]", '[deploy]\nsource = "streams"'), encoding="utf-8")
    emulator.client("s3").create_bucket(Bucket="discarded-batches")
    arguments = ["--on", "s3", "--month", "2026-10", "--config", str(config)]

    without = numbers_of(*arguments)["failed"]["problems"]
    named = numbers_of(*arguments, "--on-failure", "discarded-batches")["failed"]["problems"]

    assert without == [
        "batches that Lambda discarded on the Streams road. Name their bucket with --on-failure"
    ]
    assert named == []


def test_a_missing_bucket_is_a_reason_on_the_page(environment: Path) -> None:
    numbers = numbers_of("--on", "s3", "--bucket", "nobody-has-this", "--month", "2026-10")

    assert "no such bucket" in numbers["objects"]["not_counted"]
    assert "no such bucket" in numbers["rows"]["not_counted"]
