"""The benchmark runs, checks its rows, and prints every line; nothing here looks at a time."""

import json
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
KINDS = ("iot300", "iot1k", "iot10k", "nested")
OVERFLOW = ["iot1k:1", "iot10k:1", "nested:1"]
WORKLOADS = [f"{kind}:{share}" for kind in KINDS for share in ("1", "0.5", "0.05")]


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(HERE))
    return import_module("report")


@cache
def _printed(*options: str) -> str:
    command = [sys.executable, str(HERE), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_workload_has_a_line_with_exact_rows_in_each_format(workload: str) -> None:
    lines = re.findall(rf"^\| {workload} .*\| +exact \|$", _printed("--check"), re.MULTILINE)

    assert len(lines) == 3 + (workload in OVERFLOW)


@pytest.mark.parametrize("workload", OVERFLOW)
def test_every_overflow_has_exact_rows_and_records_put_back(workload: str) -> None:
    found = re.search(
        rf"\n\| jsonl\+image, overflow .*?\n\| {workload} +\| +\d+ \| +(\d+) \|.*\| exact \|",
        _printed("--check"),
        re.DOTALL,
    )

    assert found is not None
    assert int(found[1]) > 0


@pytest.mark.parametrize(
    "line",
    [
        "jsonl+image, overflow",
        "jsonl",
        "jsonl+image, marshaller hook",
        "jsonl+image",
        "csv",
        "baseline, all formats",
        "source data at 5 % TTL share, slowest kind",
        "peak memory, awslambdaric",
        "import of ttl_archive.transform.handler",
        "import of boto3",
        "128 MB",
    ],
)
def test_summary_and_costs_have_their_line(line: str) -> None:
    assert f"\n| {line} " in _printed("--check")


def test_check_leaves_the_kept_result_as_it_is() -> None:
    kept = HERE / "results.json"
    before = kept.read_bytes()

    _printed("--check")

    assert kept.read_bytes() == before


def test_kept_result_is_of_a_whole_run_and_prints_as_tables() -> None:
    results = json.loads((HERE / "results.json").read_text())

    assert [case["workload"] for case in results["cases"]] == WORKLOADS * 3
    assert {case["rows"] for case in results["cases"]} == {"exact"}
    assert f"Measured on {results['date']}." in _printed("--markdown")
    assert [case["workload"] for case in results["overflow"]] == OVERFLOW
    assert {case["rows"] for case in results["overflow"]} == {"exact"}


def test_kept_result_has_every_table_that_is_counted(report: ModuleType) -> None:
    results = json.loads((HERE / "results.json").read_text())

    assert list(results["tables"]) == list(import_module("tables").TABLES)


def test_the_readme_has_the_kept_tables(report: ModuleType) -> None:
    text = README.read_text()

    assert report.in_document(text, json.loads((HERE / "results.json").read_text())) == text


def test_a_table_is_replaced_where_its_first_head_is(report: ModuleType) -> None:
    replaced = import_module("markdown").replaced
    text = "a\n\n| one | n |\n|-----|--:|\n| x   | 1 |\n\nb\n"

    assert replaced(text, "| one | n |\n|-----|--:|\n| y   | 2 |") == text.replace("x   | 1", "y   | 2")
    with pytest.raises(ValueError, match=r"no table that begins with '\| two'"):
        replaced(text, "| two | n |")
