"""Applies mutants to a copy of the tree and runs the test that must fail.

A server imports the packages that the tests need, once; each test then runs in a fork of it, so it costs no
start of Python.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
_COPIED = ("transform", "replay", "infra", "ttl_archive", "tests", "pyproject.toml", "archive.toml")
_PRELOADED = ("boto3", "botocore.exceptions", "hypothesis", "click", "rich.progress", "msgspec")
_PASSED, _FAILED = 0, 1  # pytest's exit codes; any other is an error of the mutant's entry
# What is added to pytest's exit code: a process that dies before pytest reports ends with 1, too.
_REPORTED = 100
_OPTIONS = (
    *("-q", "-x", "-n0", "-p", "no:randomly", "-p", "no:cacheprovider"),
    "-Wignore::pytest.PytestAssertRewriteWarning",  # hypothesis is imported before pytest begins
)
_SERVER = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant under one test; `problem` is empty when the test failed, as it must."""

    mutant: Mutant
    test: str
    problem: str


@dataclass
class _Tree:
    """A copy of the tree, and the test that runs in it."""

    path: Path
    running: tuple[Mutant, str, BaseProcess] | None = None


def run_mutants(mutants: Sequence[Mutant], workers: int) -> Iterator[Verdict]:
    """Run the tests of every mutant; yield the verdicts as they come."""
    work = [(mutant, test) for mutant in mutants for test in mutant.tests]
    with copies(workers) as paths:
        trees = [_Tree(path) for path in paths]
        while work or any(tree.running for tree in trees):
            for tree in trees:
                if work and not tree.running:
                    mutant, test = work.pop(0)
                    if reason := stale(mutant):
                        yield Verdict(mutant, test, f"stale: {reason}")
                    else:
                        _mutate(tree.path, mutant)
                        tree.running = (mutant, test, _start(tree.path, [test]))
            wait([tree.running[2].sentinel for tree in trees if tree.running], timeout=1)
            yield from _ended(trees)


def run_tests(tests: Sequence[str]) -> int:
    """Run tests on the code as it is; return pytest's exit code."""
    with copies(1) as (path,):
        child = _start(path, tests)
        child.join()
        return _pytest_code(child.exitcode)


@contextmanager
def copies(number: int) -> Iterator[list[Path]]:
    """Copy the tree so many times, for as long as the context lasts."""
    _SERVER.set_forkserver_preload([__name__, *_PRELOADED])
    with TemporaryDirectory(prefix="ttl-archive-mutants-") as folder:
        yield [_copy(Path(folder) / str(each)) for each in range(number)]


def stale(mutant: Mutant, root: Path = ROOT) -> str:
    """Return why the mutant cannot be applied or tested; empty when it can."""
    path = root / mutant.file
    if not path.is_file():
        return f"{mutant.file} does not exist"
    found = path.read_text(encoding="utf-8").count(mutant.old)
    if found != 1:
        return f"{mutant.file} has the text {found} times, not once: {mutant.old!r}"
    missing = [test for test in mutant.tests if not _exists(root, test)]
    return f"there is no test {missing[0]}" if missing else ""


def _exists(root: Path, test: str) -> bool:
    file, _, name = test.partition("::")
    path = root / file
    return path.is_file() and f"def {name}(" in path.read_text(encoding="utf-8")


def _ended(trees: list[_Tree]) -> Iterator[Verdict]:
    for tree in trees:
        if tree.running and not tree.running[2].is_alive():
            mutant, test, child = tree.running
            tree.running = None
            shutil.copy(ROOT / mutant.file, tree.path / mutant.file)
            yield Verdict(mutant, test, _problem(test, _pytest_code(child.exitcode)))


def _pytest_code(exit_code: int | None) -> int:
    """Return pytest's exit code; a negative number where the process died before pytest reported."""
    return (exit_code or 0) - _REPORTED


def _problem(test: str, code: int) -> str:
    if code == _PASSED:
        return f"survived: {test} passes"
    return "" if code == _FAILED else f"{test} did not run: exit code {code}"


def _mutate(tree: Path, mutant: Mutant) -> None:
    path = tree / mutant.file
    path.write_text(path.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")


def _start(tree: Path, tests: Sequence[str]) -> BaseProcess:
    child = _SERVER.Process(target=_pytest, args=(tree, tests))
    child.start()
    return child


def _copy(tree: Path) -> Path:
    tree.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    return tree


def _pytest(tree: Path, tests: Sequence[str]) -> None:
    """Run pytest on the code of the copy, and end this process, a fork, with its exit code."""
    code = 0
    try:
        _see_only(tree)
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            code = _REPORTED + pytest.main([*_OPTIONS, f"--rootdir={tree}", *tests])
    finally:
        os._exit(code)


def _see_only(tree: Path) -> None:
    """Forget this tree's modules, and import from the copy."""
    os.chdir(tree)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(tree), *(each for each in sys.path if Path(each or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "ttl_archive")]:
        del sys.modules[name]
    found = importlib.import_module("ttl_archive").__path__
    assert [str(tree / "ttl_archive")] == list(found), f"the tests would see {found}, and no mutant"
