"""The mutants apply, a share of them is found, and the runner tells a survivor from a find."""

import pytest

from tests.mutants.catalog import MUTANTS, SHARE
from tests.mutants.mutant import Mutant
from tests.mutants.runner import run_mutants, run_tests, stale

TEST = "tests/transform/test_aws_limits.py::test_a_response_has_6_000_000_bytes_at_most"
LIMIT = "RESPONSE_BYTES = 6_000_000"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies_to_the_code_as_it_is(mutant: Mutant) -> None:
    assert stale(mutant) == ""
    assert mutant.old != mutant.new
    assert mutant.tests


def test_no_two_mutants_have_one_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_the_tests_of_the_share_pass_without_a_mutant() -> None:
    """The simulation is left out, because the gate runs it anyway."""
    tests = {test for mutant in SHARE for test in mutant.tests if "/simulation/" not in test}

    assert run_tests(sorted(tests)) == 0


def test_every_mutant_of_the_share_is_found() -> None:
    verdicts = list(run_mutants(SHARE, workers=2))

    assert len(verdicts) == sum(len(mutant.tests) for mutant in SHARE)
    assert [f"{each.mutant.name}: {each.problem}" for each in verdicts if each.problem] == []


@pytest.mark.parametrize(
    ("old", "new", "test", "problem"),
    [
        (LIMIT, "RESPONSE_BYTES = 6_300_000", TEST, ""),
        (LIMIT, "RESPONSE_BYTES = 6_000_000  # no change", TEST, f"survived: {TEST} passes"),
        (LIMIT, "RESPONSE_BYTES =", TEST, f"{TEST} did not run: exit code 4"),
        (LIMIT, f"{LIMIT}\n__import__('os')._exit(1)", TEST, f"{TEST} did not run: exit code -99"),
        (LIMIT, "RESPONSE_BYTES = 1", TEST + "_gone", f"stale: there is no test {TEST}_gone"),
        (
            "no such text",
            "",
            TEST,
            "stale: transform/limits.py has the text 0 times, not once: 'no such text'",
        ),
    ],
    ids=["found", "survivor", "no module", "process dies", "no test", "stale"],
)
def test_the_runner_reports_what_became_of_a_mutant(old: str, new: str, test: str, problem: str) -> None:
    (verdict,) = run_mutants([Mutant("a mutant", "transform/limits.py", old, new, (test,))], workers=1)

    assert verdict.problem == problem
