"""Break the code on purpose and see that the tests notice: python -m tests.mutants [NAME ...]."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.mutants.catalog import MUTANTS
from tests.mutants.runner import run_mutants, run_tests


def main() -> int:
    """Run the mutants whose name contains one of the words, or all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of the names of the mutants to run")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [each for each in MUTANTS if not options.words or any(w in each.name for w in options.words)]
    start_s = time.monotonic()
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    if code := run_tests(tests):
        print(f"The tests fail without a mutant (exit code {code}): {' '.join(tests)}")
        return 1
    problems = 0
    for verdict in run_mutants(chosen, options.workers):
        print(f"{verdict.problem or 'found'}: {verdict.mutant.name} [{verdict.test}]")
        problems += bool(verdict.problem)
    print(f"{len(chosen)} mutants, {problems} problems, {time.monotonic() - start_s:.0f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
