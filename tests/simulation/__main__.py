"""Search histories of replay for a broken promise: python -m tests.simulation [--count N] [--seed N].

With --seed the history of that seed is printed; else seeds are tried, from --from on, until --count.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.history import History, simulate


def main() -> int:
    """Print what was found; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="show the history of this seed")
    parser.add_argument("--from", dest="first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=10_000, help="how many seeds are tried")
    options = parser.parse_args()
    if options.seed is not None:
        history = simulate(options.seed)
        show(history)
        return 1 if history.findings else 0
    return search(range(options.first, options.first + options.count))


def search(seeds: range) -> int:
    """Try every seed; say which broke a promise."""
    start_s = time.process_time()
    broken: dict[str, list[int]] = {}
    faults: Counter[str] = Counter()
    for seed in seeds:
        history = simulate(seed)
        faults.update(history.faults)
        for promise in {finding.partition(":")[0] for finding in history.findings}:
            broken.setdefault(promise, []).append(seed)
    spent_s = time.process_time() - start_s
    print(f"{len(seeds):,} histories in {spent_s:.1f} s of CPU; faults: {dict(sorted(faults.items()))}")
    for promise, found in sorted(broken.items()):
        print(f"{promise}: {len(found)} seeds: {', '.join(map(str, found[:10]))}")
    return 1 if broken else 0


def show(history: History) -> None:
    """Print a history, step by step, and what is wrong in the end."""
    for step in history.steps:
        print(f"{step.at_s:9.2f}  {step.who:20} {step.what}{'  ->  ' + step.result if step.result else ''}")
    print(f"trace {history.trace}")
    for finding in history.findings:
        print(f"BROKEN {finding}")


if __name__ == "__main__":
    sys.exit(main())
