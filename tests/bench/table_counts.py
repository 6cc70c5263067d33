"""What learned shapes cost and save on the tables of tables.py, in instructions.

A ratio compares the instructions with learned shapes to those of the general path, which has none. Cold are
the first 1,000 records of a process, among which shapes are learned; warm are 500 after the first 2,000, and
after the first 12,000 where there are twenty types to learn.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from callgrind import count_parts
from markdown import table
from tables import PARTS, PATHS

# What learning may cost at most, as multiples of the general path.
MOST_COLD, MOST_WARM = 1.05, 1.02
IMAGES = ("image off", "image on")

Counts = dict[str, dict[str, int]]  # path -> cold and warm -> instructions
Tables = dict[str, dict[str, Counts]]  # table -> image off or on -> counts


def count_tables(names: Iterable[str]) -> Tables:
    """Return the instructions of the cold and the warm records, on both paths.

    Raises SystemExit when valgrind fails.
    """
    jobs = [(name, path) for name in names for path in PATHS]
    if jobs:
        count_parts(["tables.py", *jobs[0]])  # Python keeps byte code at the first import: it must not count
    with ThreadPoolExecutor(2) as threads:
        found = dict(zip(jobs, threads.map(lambda job: count_parts(["tables.py", *job]), jobs), strict=True))
    return {
        name: {
            image: {path: _counts(found[name, path][n * (len(PARTS) + 1) :]) for path in PATHS}
            for n, image in enumerate(IMAGES)
        }
        for name in dict(jobs)
    }


def _counts(parts: list[int]) -> dict[str, int]:
    """Return the counts by the names of the parts that `tables.convert` marks."""
    counts = dict(zip(PARTS, parts, strict=False))
    return {"cold": counts["cold"], "warm": counts["warm"]}


def ratios(counts: Counts) -> tuple[float, float]:
    """Return the instructions with learned shapes as multiples of the general path's: cold, warm."""
    general, learned = (counts[path] for path in PATHS)
    return learned["cold"] / general["cold"], learned["warm"] / general["warm"]


def ratios_table(tables: Tables) -> str:
    """Return the ratios as Markdown, with the instructions of one record on the general path."""
    head = ["table, × general path", "instructions", "cold", "warm", "cold, image off", "warm, image off"]
    rows = []
    for name, found in tables.items():
        general: Any = found["image on"]["general"]["warm"] // PARTS["warm"]
        texts = [f"{ratio:.3f}" for image in reversed(IMAGES) for ratio in ratios(found[image])]
        rows.append([name, f"{general:,}", *texts])
    return table(head, rows)


def costly(tables: Tables) -> list[str]:
    """Return the tables on which learning costs more than it may."""
    return [name for name, found in tables.items() if any(map(_costs_too_much, map(ratios, found.values())))]


def _costs_too_much(ratio: tuple[float, float]) -> bool:
    cold, warm = ratio
    return cold > MOST_COLD or warm > MOST_WARM
