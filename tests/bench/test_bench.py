"""The benchmark runs, checks its rows, and prints every line; nothing here looks at a time."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KINDS = ("iot300", "iot1k", "iot10k", "nested")
WORKLOADS = [f"{kind}:{share}" for kind in KINDS for share in ("1", "0.5", "0.05")]


@cache
def _printed(*options: str) -> str:
    command = [sys.executable, str(HERE), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_workload_has_a_line_with_exact_rows_in_each_format(workload: str) -> None:
    lines = re.findall(rf"^\| {workload} .*\| +exact \|$", _printed("--check"), re.MULTILINE)

    assert len(lines) == 3


@pytest.mark.parametrize(
    "line",
    [
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
