"""Rounds over the candidates, each in its own process, and the medians of their ratios.

The speed of a shared host changes by the second. So every sample of a candidate is taken right after one of
the floor in the same process, the candidates take turns, and what is kept is the median of such pairs.
"""

import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from cases import Case

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Result:
    """What one candidate did in one case; times are CPU time."""

    whole_x_floor: float
    handler_x_floor: float
    floor_s: float
    handler_s: float
    whole_s: float
    is_exact: bool


def measure(case: Case, names: Sequence[str], workers: dict[str, "Asked"], rounds: int) -> dict[str, Result]:
    """The result of each named candidate in this case."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(pickle.dumps(case))
        exact = {name: workers[name].ask("load", file.name) for name in names}
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            samples[name].append(workers[name].ask("sample"))
    return {name: _result(samples[name], exact[name]) for name in names}


def _result(samples: Sequence[dict[str, float]], is_exact: bool) -> Result:
    def times(key: str) -> float:
        return median(sample[key] / sample["floor"] for sample in samples)

    def seconds(key: str) -> float:
        return median(sample[key] for sample in samples)

    return Result(
        times("whole"), times("handler"), seconds("floor"), seconds("handler"), seconds("whole"), is_exact
    )


class Asked:
    """A worker process, asked line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, *question: str) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def workers(names: Sequence[str]) -> Iterator[dict[str, Asked]]:
    """A process for each name. They end with the block."""
    with ExitStack() as stack:
        yield {name: Asked(stack.enter_context(_process(name))) for name in names}


@contextmanager
def _process(name: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(_HERE / "worker.py"), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()
