"""The process that the gate counts: it invokes a pickled case from standard input, three times.

The first invocation imports and fills caches, so only the other two are between the marks.
"""

import os
import pickle
import sys
from pathlib import Path

from callgrind import mark, stop_the_clocks

INVOCATIONS = 2  # that are counted


def main(name: str) -> None:
    """Invoke the candidate of that name, or the floor, and discard its output."""
    from candidates import CANDIDATES, floor

    case = pickle.load(sys.stdin.buffer)
    candidate = floor(case.lines) if name == "floor" else CANDIDATES[name](case.format, case.limit)
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = nowhere
        for invocations in (1, INVOCATIONS):
            for _ in range(invocations):
                candidate.encode(candidate.handle(candidate.decode(case.workload.body)))
            mark()


if __name__ == "__main__":
    stop_the_clocks()
    main(sys.argv[1])
