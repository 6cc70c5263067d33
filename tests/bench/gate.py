"""Counts instructions and compares them with recorded ones, so that a slow-down is seen in review.

    python tests/bench/gate.py             compare with instructions.json in this folder
    python tests/bench/gate.py --update    record the new figures

Unlike a time the count repeats to the digit: hash seed, environment and clocks are fixed, and valgrind places
memory the same every time. One invocation is the difference of three and one, halved, so that neither imports
nor caches count. The multiple of the floor's count is compared. On the tables of tables.py, learned shapes
must not cost more than they save, cold or warm. Exit codes: 0 as fast as before or faster, 1 slower, 3 not
compared because valgrind is missing or the figures were recorded with other versions.
"""

import argparse
import json
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from cases import Case, build_case
from report import table
from sampling import HERE
from tables import IN_GATE, PATHS, TABLES
from workloads import build

KEPT = HERE / "instructions.json"
RAW_BYTES = 1024 * 1024
TOLERANCE = 0.01  # of the multiple of the floor
SLOWER, NOT_COMPARED = 1, 3
CASES = (
    ("iot300:1", "jsonl"),
    ("iot1k:0.5", "jsonl"),
    ("iot10k:0.5", "jsonl"),
    ("nested:1", "jsonl"),
    ("iot1k:0.05", "jsonl"),
    ("iot1k:0.5", "jsonl+image"),
    ("iot1k:0.5", "csv"),
    ("mixed:1", "jsonl"),
)
# What learning may cost at most, as multiples of the general path: on a table's first records, and later.
MOST_FIRST, MOST_WARM = 1.05, 1.02
_PACKAGES = ("msgspec", "pybase64", "simplejson", "awslambdaric")

Counts = dict[str, dict[str, int]]  # workload and format -> floor and handler -> instructions
Tables = dict[str, dict[str, dict[str, int]]]  # table -> path -> first and warm -> instructions


def main() -> int:
    """Count, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python tests/bench/gate.py", description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help=f"record the new figures in {KEPT.name}")
    parser.add_argument(
        "--tables", default="", help=f"count these instead of {', '.join(IN_GATE)}: {', '.join(TABLES)}"
    )
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("Not compared: valgrind is not installed. Install it, or leave this to the CI.")
        return NOT_COMPARED
    counts, made_with = _counted(), _versions()
    tables = count_tables(options.tables.split(",") if options.tables else list(IN_GATE))
    if options.update:
        found = {"made_with": made_with, "instructions": counts, "tables": tables}
        KEPT.write_text(json.dumps(found, indent=1) + "\n")
    kept = json.loads(KEPT.read_text())
    print(_comparison(counts, kept["instructions"]))
    print("\n" + _table_ratios(tables))
    return max(verdict(counts, kept, made_with), tables_verdict(tables))


def _counted() -> Counts:
    with ThreadPoolExecutor(2) as threads:  # each waits for a process
        cases = [build_case(build(name, RAW_BYTES), format_name) for name, format_name in CASES]
        for name in ("floor", "handler"):
            run(cases[0], name, 0)  # Python keeps byte code at the first import, which must not count
        found = threads.map(
            lambda job: _instructions(*job), [(c, n) for c in cases for n in ("floor", "handler")]
        )
        counts = iter(found)
        return {", ".join(case): {"floor": next(counts), "handler": next(counts)} for case in CASES}


def _instructions(case: Case, name: str) -> int:
    """Return the instructions of one invocation."""
    once, thrice = (run(case, name, count) for count in (1, 3))
    return (thrice - once) // 2


def run(case: Case, name: str, count: int) -> int:
    """Return the instructions of a process that invokes `name` so many times. Raises SystemExit."""
    with tempfile.TemporaryFile() as file:
        pickle.dump(case, file)
        file.seek(0)
        return _counted_process(["invocations.py", name, str(count)], stdin=file)


def _counted_process(arguments: list[str], stdin: Any = subprocess.DEVNULL) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, *arguments]
    environment = {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, stdin=stdin, stderr=subprocess.PIPE, env=environment, cwd=HERE, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return int(found[1])


def _comparison(counts: Counts, kept: Counts) -> str:
    head = ["one invocation, 1 MiB raw", "floor", "handler", "× floor", "kept", "change"]
    rows = []
    for case, found in counts.items():
        now, before = _times_floor(found), _times_floor(kept.get(case, found))
        texts = [f"{found['floor']:,}", f"{found['handler']:,}", f"{now:.4f}", f"{before:.4f}"]
        rows.append([case, *texts, f"{now / before - 1:+.2%}"])
    return table(head, rows)


def verdict(counts: Counts, kept: dict[str, Any], made_with: dict[str, str]) -> int:
    """Return the exit code, and print its reason when it is not simply 0."""
    if kept["made_with"] != made_with or kept["instructions"].keys() != counts.keys():
        print("\nNot compared: the kept figures are of other versions or cases. Keep new ones with --update:")
        print(f"kept {kept['made_with']}\nthis {made_with}")
        return NOT_COMPARED
    before = kept["instructions"]
    changes = [_times_floor(found) / _times_floor(before[case]) - 1 for case, found in counts.items()]
    if max(changes) > TOLERANCE:
        print(
            f"\nSlower by more than {TOLERANCE:.0%}. If it is worth it, keep the new figures with --update."
        )
        return SLOWER
    if min(changes) < -TOLERANCE:
        print(f"\nFaster by more than {TOLERANCE:.0%}. Keep the gain with --update.")
    return 0


def _times_floor(counts: dict[str, int]) -> float:
    return counts["handler"] / counts["floor"]


def count_tables(names: list[str]) -> Tables:
    """Return for each table and path the instructions of the first 1,000 records, and of 500 later ones."""
    jobs = [(name, path, rounds) for name in names for path in PATHS for rounds in (1, 2)]
    jobs += [(name, PATHS[0], 0) for name in names]
    _table_instructions(jobs[-1])  # Python keeps byte code at the first import, which must not count
    with ThreadPoolExecutor(2) as threads:
        counts = dict(zip(jobs, threads.map(_table_instructions, jobs), strict=True))
    return {
        name: {
            path: {
                "first": counts[name, path, 2] - counts[name, PATHS[0], 0],
                "warm": counts[name, path, 2] - counts[name, path, 1],
            }
            for path in PATHS
        }
        for name in names
    }


def _table_instructions(job: tuple[str, str, int]) -> int:
    name, path, rounds = job
    return _counted_process(["tables.py", name, path, str(rounds)])


def _table_ratios(tables: Tables) -> str:
    rows = []
    for name, found in tables.items():
        first, warm = ratios(found)
        rows.append([name, f"{found['general']['warm']:,}", f"{first:.3f}", f"{warm:.3f}"])
    return table(["table, × general path", "general, 500 records", "first 1,000", "warm"], rows)


def ratios(found: dict[str, dict[str, int]]) -> tuple[float, float]:
    """Return the instructions with learned shapes as multiples of the general path's: first, warm."""
    general, learned = (found[path] for path in PATHS)
    return learned["first"] / general["first"], learned["warm"] / general["warm"]


def tables_verdict(tables: Tables) -> int:
    """Return SLOWER when learning costs more than it may on any table."""
    costly = [name for name, found in tables.items() if _costs_too_much(*ratios(found))]
    if costly:
        print(f"\nLearning costs more than {MOST_FIRST} at first, or {MOST_WARM} later: {', '.join(costly)}")
    return SLOWER if costly else 0


def _costs_too_much(first: float, warm: float) -> bool:
    return first > MOST_FIRST or warm > MOST_WARM


def _versions() -> dict[str, str]:
    return {"python": sys.version, **{name: version(name) for name in _PACKAGES}}


if __name__ == "__main__":
    sys.exit(main())
