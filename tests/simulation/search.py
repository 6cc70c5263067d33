"""Tries many seeds, in several processes."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from functools import partial

from tests.simulation.history import simulate
from tests.simulation.restoring import simulate_restore

HISTORIES = {False: simulate, True: simulate_restore}  # whether of restore
_CHUNK = 200


def search(seeds: range, workers: int, *, restore: bool) -> int:
    """Try every seed; print which broke a promise, and return the exit code."""
    start_s = time.monotonic()
    chunks = [seeds[first : first + _CHUNK] for first in range(0, len(seeds), _CHUNK)]
    broken: dict[str, list[int]] = {}
    faults: Counter[str] = Counter()
    with multiprocessing.get_context("forkserver").Pool(workers) as pool:
        for found, met in pool.imap(partial(_try_all, restore), chunks):
            faults.update(met)
            for seed, promises in found:
                for promise in promises:
                    broken.setdefault(promise, []).append(seed)
    print(f"{len(seeds):,} histories in {time.monotonic() - start_s:.0f} s")
    print("faults: " + ", ".join(f"{number:,} {name}" for name, number in sorted(faults.items())))
    for promise, found_seeds in sorted(broken.items()):
        print(f"{promise}: {len(found_seeds)} seeds: {', '.join(map(str, found_seeds[:10]))}")
    return 1 if broken else 0


def _try_all(restore: bool, seeds: range) -> tuple[list[tuple[int, list[str]]], Counter[str]]:
    """Return the seeds with the promises that were broken, and how often each fault happened."""
    found = []
    faults: Counter[str] = Counter()
    for seed in seeds:
        history = HISTORIES[restore](seed)
        faults.update(history.faults)
        if history.findings:
            found.append((seed, sorted({finding.partition(":")[0] for finding in history.findings})))
    return found, faults
