"""Search histories for a broken promise: python -m tests.simulation [--restore] [--count N] [--seed N].

The histories are those of replay, or with --restore those of restore into a table. With --seed the history of
that seed is printed; else seeds are tried, from --from on, until --count.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.simulation.history import History
from tests.simulation.search import HISTORIES, search


def main() -> int:
    """Print what was found; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restore", action="store_true", help="histories of restore, not of replay")
    parser.add_argument("--seed", type=int, help="show the history of this seed")
    parser.add_argument("--from", dest="first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=10_000, help="how many seeds are tried")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that try seeds")
    options = parser.parse_args()
    if options.seed is not None:
        history = HISTORIES[options.restore](options.seed)
        show(history)
        return 1 if history.findings else 0
    return search(
        range(options.first, options.first + options.count), options.workers, restore=options.restore
    )


def show(history: History) -> None:
    """Print a history, step by step, and what is wrong in the end."""
    for step in history.steps:
        print(f"{step.at_s:9.2f}  {step.who:20} {step.what}{'  ->  ' + step.result if step.result else ''}")
    print(f"trace {history.trace}")
    for finding in history.findings:
        print(f"BROKEN {finding}")


if __name__ == "__main__":
    sys.exit(main())
