"""One candidate in a process of its own, with its own imports and heap: a line asks, a line answers.

["load", file]   take over a pickled Case and run it once, for the caches; answers whether its rows come out
["sample"]       CPU seconds of the floor, and right after it of the candidate's three steps
"""

import gc
import json
import os
import pickle
import sys
from pathlib import Path
from time import process_time

from candidates import CANDIDATES, Candidate, floor
from cases import Case, lines_of


class Worker:
    """What a process of its own keeps between two lines."""

    def __init__(self, name: str) -> None:
        self._make = CANDIDATES[name]

    def load(self, file: str) -> bool:
        case: Case = pickle.loads(Path(file).read_bytes())
        self._body = case.workload.body
        self._candidate = self._make(case.format, case.limit)
        self._floor = floor(case.lines)
        self.sample()
        return lines_of(self._candidate, case.workload) == case.lines

    def sample(self) -> tuple[float, float, float]:
        floor_s = sum(_timed(self._floor, self._body))
        decode, handle, encode = _timed(self._candidate, self._body)
        return floor_s, handle, decode + handle + encode


def _timed(candidate: Candidate, body: bytes) -> tuple[float, float, float]:
    gc.collect()
    start = process_time()
    event = candidate.decode(body)
    decoded = process_time()
    response = candidate.handle(event)
    handled = process_time()
    candidate.encode(response)
    return decoded - start, handled - decoded, process_time() - handled


def main(name: str) -> None:
    """Answer until the input ends. What a candidate prints goes nowhere."""
    worker = Worker(name)
    with os.fdopen(os.dup(1), "w", buffering=1) as answers, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        for line in sys.stdin:
            verb, *arguments = json.loads(line)
            answers.write(json.dumps(getattr(worker, verb)(*arguments)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
