"""The process that the gate counts: it invokes a pickled case from standard input, with stopped clocks.

The log line is part of the handler, and a duration with one more digit costs a few more instructions.
"""

import os
import pickle
import sys
import time
from pathlib import Path


def main(name: str, count: int) -> None:
    """Invoke `floor` or `handler` so many times, and discard its output."""
    from candidates import floor, handler

    case = pickle.load(sys.stdin.buffer)
    candidate = handler(case.format) if name == "handler" else floor(case.lines)
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = nowhere
        for _ in range(count):
            candidate.encode(candidate.handle(candidate.decode(case.workload.body)))


def _stop_the_clocks() -> None:
    """Replace the clocks, before a module is imported that keeps a reference to one."""
    time.perf_counter = lambda: 0.0
    time.time_ns = lambda: 1_767_225_600_000_000_000


if __name__ == "__main__":
    _stop_the_clocks()
    main(sys.argv[1], int(sys.argv[2]))
