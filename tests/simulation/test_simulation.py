"""Ten thousand histories of replay in which no promise is broken; the simulation itself is reproducible."""

import pytest

from tests.simulation.history import simulate

_HISTORIES, _CHUNK = 10_000, 1_000


@pytest.mark.parametrize("first", range(0, _HISTORIES, _CHUNK))
def test_no_history_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + _CHUNK):
        findings = simulate(seed).findings
        assert findings == [], f"to see this history: python -m tests.simulation --seed {seed}"


@pytest.mark.parametrize("seed", range(50))
def test_the_same_seed_makes_the_same_history(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)

    assert first.steps == second.steps
    assert first.trace == second.trace


def test_other_seeds_make_other_histories() -> None:
    assert len({simulate(seed).trace for seed in range(50)}) > 45
