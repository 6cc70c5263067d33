"""The simulation itself: the same seed, the same history."""

import pytest

from tests.simulation.history import simulate


@pytest.mark.parametrize("seed", range(50))
def test_the_same_seed_makes_the_same_history(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)

    assert first.steps == second.steps
    assert first.trace == second.trace


def test_other_seeds_make_other_histories() -> None:
    assert len({simulate(seed).trace for seed in range(50)}) > 45
