"""The gate tells slower from faster, and says when it cannot compare."""

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
MADE_WITH = {"python": "3.13"}
KEPT = {"made_with": MADE_WITH, "instructions": {"iot1k:1, jsonl": {"floor": 1000, "handler": 2000}}}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(HERE))
    return import_module("gate")


@pytest.mark.parametrize(
    ("code", "handler", "words"),
    [
        (0, 2000, ""),
        (0, 2019, ""),
        (1, 2021, "Slower by more than 1%"),
        (0, 1979, "Faster by more than 1%"),
    ],
)
def test_verdict_is_about_the_multiple_of_the_floor(
    gate: ModuleType, capsys: pytest.CaptureFixture[str], code: int, handler: int, words: str
) -> None:
    counts = {"iot1k:1, jsonl": {"floor": 1000, "handler": handler}}

    assert code == gate.verdict(counts, KEPT, MADE_WITH)
    assert words in capsys.readouterr().out


def test_other_versions_are_not_compared(gate: ModuleType) -> None:
    assert gate.verdict(KEPT["instructions"], KEPT, {"python": "3.14"}) == gate.NOT_COMPARED


def test_other_cases_are_not_compared(gate: ModuleType) -> None:
    assert gate.verdict({}, KEPT, MADE_WITH) == gate.NOT_COMPARED


def test_without_valgrind_nothing_is_compared_and_the_message_says_so() -> None:
    command = [sys.executable, str(HERE / "gate.py")]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True)

    assert done.returncode == 3
    assert "valgrind is not installed" in done.stdout


def test_kept_figures_are_of_the_cases_that_are_counted(gate: ModuleType) -> None:
    kept = json.loads((HERE / "instructions.json").read_text())

    assert [", ".join(case) for case in gate.CASES] == list(kept["instructions"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_count_repeats_to_the_digit(gate: ModuleType) -> None:
    case = gate.build_case(gate.build("nested:1", 20_000), "jsonl")

    gate.run(case, "handler", 0)  # the first import keeps its byte code

    assert gate.run(case, "handler", 1) == gate.run(case, "handler", 1)


@pytest.mark.parametrize(
    ("first", "warm", "code"), [(1050, 2040, 0), (600, 900, 0), (1051, 2000, 1), (1000, 2041, 1)]
)
def test_learning_may_cost_5_percent_at_first_and_2_percent_later(
    gate: ModuleType, capsys: pytest.CaptureFixture[str], first: int, warm: int, code: int
) -> None:
    tables = {"a": {"general": {"first": 1000, "warm": 2000}, "learned": {"first": first, "warm": warm}}}

    assert gate.tables_verdict(tables) == code
    assert ("Learning costs more" in capsys.readouterr().out) == bool(code)


def test_the_recorded_tables_are_those_that_are_counted(gate: ModuleType) -> None:
    recorded = json.loads((HERE / "instructions.json").read_text())["tables"]

    assert list(recorded) == list(gate.IN_GATE)
    assert gate.tables_verdict(recorded) == 0


@pytest.mark.parametrize("name", ["single-table", "growing", "nulls"])
def test_a_table_has_the_same_changes_every_time(gate: ModuleType, name: str) -> None:
    tables = import_module("tables")

    first = tables.changes(name)

    assert first == tables.changes(name)
    assert len({json.loads(change)["eventID"] for change in first}) == len(first) == 500
