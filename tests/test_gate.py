"""The gate finds the Python version of the functions, or says that it skips its tests."""

import subprocess
import sys

from tests.source_tree import ROOT


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_interpreter_that_is_found_has_the_version_that_was_asked_for() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    found = run(".ci/find-python", version).stdout.strip()

    assert run(found, "--version").stdout.startswith(f"Python {version}.")


def test_an_interpreter_that_is_not_installed_is_not_found() -> None:
    done = run(".ci/find-python", "3.99")

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_the_tests_on_the_deployed_version_are_skipped_with_a_note_where_it_is_missing() -> None:
    done = run("make", "--no-print-directory", "test-deployed", "DEPLOYED=3.99")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "SKIPPED: no Python 3.99 was found, neither on PATH nor in ~/.pyenv/versions.\n"
