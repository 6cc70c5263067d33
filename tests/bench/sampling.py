"""Rounds over the candidates, each in its own process, and the medians of their ratios.

The speed of a shared host changes by the second. So every sample of a candidate is taken right after one of
the floor in the same process, the candidates take turns, and what is kept is the median over the rounds.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from cases import Case

HERE = Path(__file__).parent


class Sample(NamedTuple):
    """CPU seconds of the floor, then of the candidate: its handler alone, and the whole invocation."""

    floor: float
    handler: float
    whole: float


class Samples(NamedTuple):
    """A candidate's samples in one case, one a round."""

    rounds: list[Sample]
    is_exact: bool

    def seconds(self, step: str) -> float:
        """The median of a step's CPU time: it carries the machine's speed."""
        return median(getattr(sample, step) for sample in self.rounds)

    def times_floor(self, step: str) -> float:
        """The median of a step's time as a multiple of the floor's."""
        return median(getattr(sample, step) / sample.floor for sample in self.rounds)

    def times_faster(self, other: "Samples", step: str) -> float:
        """How many times faster a step is than another candidate's, each against its own floor."""
        return median(
            (getattr(theirs, step) / theirs.floor) / (getattr(ours, step) / ours.floor)
            for ours, theirs in zip(self.rounds, other.rounds, strict=True)
        )


class Asked:
    """A worker process, asked line by line; see worker.py."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, *question: str) -> Any:
        """The answer to a question. Raises RuntimeError when the worker ended instead."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The worker ended when asked {question}. Its own message is above.")
        return json.loads(answer)


def measure(case: Case, workers: dict[str, Asked], rounds: int) -> dict[str, Samples]:
    """The samples of every worker in this case."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(pickle.dumps(case))
        exact = {name: worker.ask("load", file.name) for name, worker in workers.items()}
    samples: dict[str, list[Sample]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            samples[name].append(Sample(*worker.ask("sample")))
    return {name: Samples(samples[name], exact[name]) for name in workers}


@contextmanager
def started(names: Sequence[str], environment: dict[str, str] | None = None) -> Iterator[dict[str, Asked]]:
    """A worker for each name, with more variables in its environment. They end with the block."""
    with ExitStack() as stack:
        yield {name: Asked(stack.enter_context(_process(name, environment or {}))) for name in names}


@contextmanager
def _process(name: str, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(HERE / "worker.py"), name]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | environment, **pipes) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
