"""Which road `init` proposes: by cost, by the share of removals, and by what the table allows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.cli import cli
from ttl_archive.infra.evidence import init_choices
from ttl_archive.infra.evidence.live_table import LiveTable
from ttl_archive.infra.evidence.refusal_forecast import RefusalForecast
from ttl_archive.infra.evidence.road_choice import MonthlyRates, RoadComparison, choose_road, compare_roads
from ttl_archive.replay.errors import MisuseError
from ttl_archive.transform.settings import load, parse

SETTINGS = parse({"table": {"name": "Devices", "ttl_attribute": "ttl"}})
SAMPLE = RefusalForecast(items=10, rows=10, record_bytes=10_000, row_bytes=10_000, gzip_bytes=2_000)
LIVE = LiveTable("Devices", ("id",), 1, 1, "ttl", "ENABLED")
ITEMS = '{"id": {"S": "a"}, "ttl": {"N": "1893883200"}}\n'
# 800 M changes of which one in twenty is a removal: a Kinesis road of over $100 a month.
MANY = MonthlyRates(expiries=40_000_000, writes_per_item=19)


def compared(monthly: MonthlyRates, view_type: str | None = None) -> RoadComparison:
    return compare_roads(monthly, SAMPLE, SETTINGS, replace(LIVE, view_type=view_type))


@pytest.mark.parametrize(
    ("monthly", "view_type", "recommended", "reason"),
    [
        (MANY, None, "streams", "streams, because it saves $"),
        (MANY, "OLD_IMAGE", "streams", "streams, because it saves $"),
        (MANY, "KEYS_ONLY", "kinesis", "kinesis, because the table's stream has the view type KEYS_ONLY"),
        (MonthlyRates(100_000, 19), None, "kinesis", "kinesis, because streams would save less than $100"),
        (MonthlyRates(100_000_000, 8), None, "kinesis", "kinesis, because more than 10 % of the changes are"),
        (MonthlyRates(0, 1), None, "kinesis", "kinesis, because streams would save less than $100 a month"),
    ],
)
def test_the_recommended_road(
    monthly: MonthlyRates, view_type: str | None, recommended: str, reason: str
) -> None:
    found = compared(monthly, view_type)

    assert found.recommended == recommended
    assert found.reason.startswith(reason)


def test_the_settings_follow_the_road_and_say_why() -> None:
    both = compared(MANY)
    streams, kinesis = choose_road(both, None), choose_road(both, "kinesis")

    assert [key for key, *_ in streams.deploy] == ["source", "buffer_mb", "buffer_s"]
    assert {key for key, *_ in kinesis.deploy} >= {"source", "stream_mode", "buffer_mb", "buffer_s"}
    about = kinesis.deploy[0][2]
    assert "it keeps changes for 7 days while nothing can be delivered" in about
    assert "it keeps changes for 24 hours" in about
    assert about.endswith("kinesis was chosen.")
    assert kinesis.cost.total > 10 * streams.cost.total


def test_a_road_that_the_table_does_not_allow_is_refused() -> None:
    with pytest.raises(MisuseError, match="--source streams is not possible: the table's stream has"):
        choose_road(compared(MANY, "NEW_IMAGE"), "streams")


def init(folder: Path, *arguments: str, **more: Any) -> Any:
    items, out = folder / "items.jsonl", folder / "archive.toml"
    items.write_text(ITEMS)
    command = ["init", "--table", "Devices", "--ttl-attribute", "ttl", "--key", "id", "--out", str(out)]
    result = CliRunner().invoke(cli, [*command, *arguments, str(items)], **more)
    assert result.exit_code == 0, result.output
    return result, deploy_settings.load(load(out, deploy_settings.SECTIONS))


def test_the_command_writes_the_road_that_pays_and_the_one_that_was_given(tmp_path: Path) -> None:
    many = ("--expiries-per-month", "40000000", "--writes-per-item", "19")
    _, cheap = init(tmp_path, *many)
    (tmp_path / "archive.toml").unlink()
    result, given = init(tmp_path, *many, "--source", "kinesis")

    assert (cheap.source, given.source) == ("streams", "kinesis")
    assert "→ kinesis, as chosen" in result.output
    lines = [line for line in result.output.splitlines() if str(tmp_path) not in line]
    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize(("answer", "source"), [("\n", "kinesis"), ("streams\n", "streams")])
def test_interactive_asks_for_the_road_with_what_each_costs_and_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, source: str
) -> None:
    monkeypatch.setattr(init_choices, "is_terminal", lambda: True)
    result, deploy = init(tmp_path, "--interactive", "--format", "jsonl", input=answer)

    assert deploy.source == source
    text = " ".join(result.output.split())
    assert "streams: $" in text
    assert "it keeps changes for 24 hours while nothing can be delivered" in text
    assert "Road of the changes (recommended: kinesis, because" in text
