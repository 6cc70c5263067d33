"""Histories of replay and restore in which no promise is broken; the simulation itself is reproducible."""

from collections.abc import Callable

import pytest

from tests.simulation.history import History, simulate
from tests.simulation.restoring import simulate_restore

_HISTORIES, _SLOW_FROM, _CHUNK = 10_000, 5_000, 1_000
_RESTORES = 500
BOTH = pytest.mark.parametrize("tell", [simulate, simulate_restore], ids=["replay", "restore"])


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.slow] if first >= _SLOW_FROM else [])
        for first in range(0, _HISTORIES, _CHUNK)
    ],
)
def test_no_history_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + _CHUNK):
        findings = simulate(seed).findings
        assert findings == [], f"to see this history: python -m tests.simulation --seed {seed}"


@pytest.mark.parametrize("first", range(0, _RESTORES, 100))
def test_no_history_of_restore_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + 100):
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
