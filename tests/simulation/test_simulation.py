"""Histories of replay and restore in which no promise is broken; the simulation itself is reproducible."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.history import History, simulate
from tests.simulation.restoring import simulate_restore

_HISTORIES, _RESTORES = range(0, 10_000, 1_000), range(0, 500, 100)
_QUICK = 2  # chunks of each; the others are slow
BOTH = pytest.mark.parametrize("tell", [simulate, simulate_restore], ids=["replay", "restore"])


def chunks(firsts: range) -> list[Any]:
    """Return the first seed of each chunk."""
    return [
        pytest.param(first, marks=[pytest.mark.slow] if number >= _QUICK else [])
        for number, first in enumerate(firsts)
    ]


@pytest.mark.parametrize("first", chunks(_HISTORIES))
def test_no_history_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + _HISTORIES.step):
        findings = simulate(seed).findings
        assert findings == [], f"to see this history: python -m tests.simulation --seed {seed}"


@pytest.mark.parametrize("first", chunks(_RESTORES))
def test_no_history_of_restore_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + _RESTORES.step):
        findings = simulate_restore(seed).findings
        assert findings == [], f"to see this history: python -m tests.simulation --restore --seed {seed}"


@BOTH
def test_the_same_seed_makes_the_same_history(tell: Callable[[int], History]) -> None:
    for seed in range(30):
        first, second = tell(seed), tell(seed)

        assert first.steps == second.steps
        assert first.trace == second.trace


@BOTH
def test_other_seeds_make_other_histories(tell: Callable[[int], History]) -> None:
    assert len({tell(seed).trace for seed in range(50)}) > 45
