"""The conformance suite itself: it fails where it must, and never passes what it cannot see."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ttl_archive.infra.local.moto_server.emulator import Emulator

ROOT = Path(__file__).parents[3]
SUITE = ROOT / "tests/conformance"
README = ROOT / "infra/local/firehose/README.md"
CASE = re.compile(r'^@case\("([A-F]\d+[a-d]?)", "([RDS?])", "(.+)"\)$', re.MULTILINE)
ROW = re.compile(r"^\| ([A-F]\d+[a-d]?) \| ([RDS?]) \| .+? \| (.+?) \| (.+?) \|$", re.MULTILINE)


def cases() -> list[tuple[str, str, str]]:
    return [found for path in sorted(SUITE.glob("test_*.py")) for found in CASE.findall(path.read_text())]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip


def results(output: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-F]\d+[a-d]?) +(.+)$", output, re.MULTILINE))


def test_each_of_101_cases_is_there_once_with_a_grade_and_a_source() -> None:
    ids = Counter(case_id for case_id, _, _ in cases())

    assert len(ids) == 101
    assert set(ids.values()) == {1}


def test_the_readme_has_a_row_for_each_case() -> None:
    rows = ROW.findall(README.read_text(encoding="utf-8"))

    assert [(case_id, grade) for case_id, grade, _, _ in rows] == sorted(
        (case_id, grade) for case_id, grade, _ in cases()
    )
    assert {case_id: ours for case_id, _, ours, _ in rows if ours != "same"} == {
        "C07": "not verified",
        "D08": "not verified",
    }


def test_the_readme_and_the_suite_explain_each_row_of_ours_that_is_not_the_same() -> None:
    readme = README.read_text(encoding="utf-8")
    printed = results(run("tests/conformance", "-k", "C07 or D08").stdout)

    assert set(printed) == {"C07", "D08"}
    assert all(result.startswith("not verified: ") for result in printed.values())
    assert all(f"\n- {case_id}: " in readme for case_id in printed)


@pytest.fixture(scope="module")
def of_moto() -> tuple[dict[str, str], int]:
    with Emulator() as emulator:
        url = emulator.url
        done = run("tests/conformance/test_puts.py", "tests/conformance/test_create_and_describe.py",
                   "--endpoint", url, "--wait", "2")  # fmt: skip
    return results(done.stdout), done.returncode


def test_a_recorded_answer_that_differs_fails_the_suite(of_moto: tuple[dict[str, str], int]) -> None:
    found, status = of_moto

    assert (found["A04"], found["B01"], found["A01"], status) == ("differs", "differs", "same", 1)


def test_a_sighting_that_differs_is_reported_and_not_asserted(of_moto: tuple[dict[str, str], int]) -> None:
    assert of_moto[0]["A25"] == "differs (not asserted)"


def test_what_the_endpoint_cannot_show_is_not_verified() -> None:
    with Emulator() as emulator:
        done = run("tests/conformance/test_processing.py", "--endpoint", emulator.url, "--wait", "2")

    found = results(done.stdout)
    assert len(found) == 10
    assert all(result.startswith("not verified: ") for result in found.values())
    assert "passed" not in done.stdout
    assert done.returncode == 0
