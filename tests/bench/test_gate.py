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

    assert [row.name() for row in gate.ROWS] == list(kept["instructions"])


def test_names_of_rows_are_distinct_and_the_default_is_the_handler(gate: ModuleType) -> None:
    names = [row.name() for row in gate.ROWS]

    assert len(set(names)) == len(names)
    assert names[0] == "iot300:1, jsonl+image"
    assert "iot1k:0.5, jsonl+image, marshaller" in names


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.parametrize("candidate", ["handler", "in-process"])
def test_a_count_repeats(gate: ModuleType, candidate: str) -> None:
    """A thread of the runtime client can add some instructions to a count, up to 300 of 13 million."""
    case = gate.overflow_case("nested:1", 20_000)

    gate.run(case, candidate)  # the first import keeps its byte code
    first, second = (min(gate.run(case, candidate) for _ in range(3)) for _ in range(2))

    assert first == pytest.approx(second, rel=1e-5)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_parts_are_what_runs_between_two_marks(gate: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "parts.py"
    loop = "for _ in range({}): pass\nmark()\n"
    work = "".join(map(loop.format, (100_000, 1_000, 2_000, 100_000)))
    script.write_text(
        f"import sys\nsys.path.append({str(HERE)!r})\nfrom callgrind import mark\n{work}" + "x = 1\n"
    )

    first, second, third = import_module("callgrind").count_parts([str(script)])

    assert first < second < third / 10


def test_a_process_that_fails_is_an_error_with_its_message(gate: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text("import no_such_module")

    with pytest.raises(SystemExit, match="no_such_module"):
        import_module("callgrind").count_parts([str(script)])


@pytest.mark.parametrize(
    ("cold", "warm", "code"), [(1050, 2040, 0), (600, 900, 0), (1051, 2000, 1), (1000, 2041, 1)]
)
@pytest.mark.parametrize("image", ["image off", "image on"])
def test_learning_may_cost_5_percent_at_first_and_2_percent_later(
    gate: ModuleType, capsys: pytest.CaptureFixture[str], cold: int, warm: int, code: int, image: str
) -> None:
    same = {path: {"cold": 1000, "warm": 2000} for path in ("general", "learned")}
    found = {"image off": same, "image on": same, image: {**same, "learned": {"cold": cold, "warm": warm}}}

    assert gate.tables_verdict({"a": found}) == code
    assert ("Learning costs more" in capsys.readouterr().out) == bool(code)


def test_the_recorded_tables_are_those_that_are_counted(gate: ModuleType) -> None:
    recorded = json.loads((HERE / "instructions.json").read_text())["tables"]

    assert list(recorded) == list(gate.IN_GATE)
    assert gate.tables_verdict(recorded) == 0


@pytest.mark.parametrize("name", ["single-table", "growing", "nulls", "binary", "lists"])
def test_a_table_has_the_same_changes_every_time(gate: ModuleType, name: str) -> None:
    tables = import_module("tables")

    first = tables.changes(name)

    assert first == tables.changes(name)
    assert len({json.loads(change)["eventID"] for change in first}) == len(first) == 2_500
