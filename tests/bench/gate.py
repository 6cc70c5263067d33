"""Counts instructions and compares them with recorded ones, so that a slow-down is seen in review.

    python tests/bench/gate.py             compare with instructions.json in this folder
    python tests/bench/gate.py --update    record the new figures

Every family of what `make bench` prints has a row here. The multiple of the floor's count is compared. On the
tables of tables.py, learned shapes must not cost more than they save, cold or warm. Exit codes: 0 as fast as
before or faster, 1 slower, 3 not compared because valgrind is missing or the figures were recorded with other
versions.
"""

import argparse
import json
import pickle
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, NamedTuple

import callgrind
from cases import Case, build_case
from invocations import INVOCATIONS
from markdown import table
from overflow_cases import overflow_case
from sampling import HERE
from table_counts import MOST_COLD, MOST_WARM, Tables, costly, count_tables, ratios_table
from tables import IN_GATE, TABLES
from workloads import build

KEPT = HERE / "instructions.json"
RAW_BYTES = 1024 * 1024
TOLERANCE = 0.01  # of the multiple of the floor
SLOWER, NOT_COMPARED = 1, 3


class Row(NamedTuple):
    """One line of the gate: a workload, a format of formats.py, and a candidate of candidates.py."""

    workload: str
    format: str = "jsonl+image"
    candidate: str = "handler"

    def name(self) -> str:
        """Return the row's name in instructions.json."""
        return ", ".join(self if self.candidate != "handler" else self[:2])


ROWS = (
    Row("iot300:1"),
    Row("iot1k:0.5"),
    Row("iot1k:0.05"),
    Row("iot10k:0.5"),  # binary, which the Kinesis feed encodes twice
    Row("nested:1"),
    Row("mixed:1"),
    Row("iot1k:0.5", candidate="marshaller"),
    Row("nested:1", candidate="in-process"),  # overflow
    Row("iot300:1", "jsonl"),
    Row("iot10k:0.5", "jsonl"),
    Row("nested:1", "jsonl"),
    Row("mixed:1", "jsonl"),
    Row("iot1k:0.5", "csv"),
)
_PACKAGES = ("msgspec", "pybase64", "simplejson", "awslambdaric")

Counts = dict[str, dict[str, int]]  # name of a row -> floor and handler -> instructions


def main() -> int:
    """Count, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python tests/bench/gate.py", description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help=f"record the new figures in {KEPT.name}")
    parser.add_argument(
        "--tables", default="", help=f"count these instead of {', '.join(IN_GATE)}: {', '.join(TABLES)}"
    )
    options = parser.parse_args()
    if not callgrind.is_installed():
        print(f"Not compared: {callgrind.MISSING}")
        return NOT_COMPARED
    counts, made_with = _counted(), _versions()
    tables = count_tables(options.tables.split(",") if options.tables else IN_GATE)
    if options.update:
        found = {"made_with": made_with, "instructions": counts, "tables": tables}
        KEPT.write_text(json.dumps(found, indent=1) + "\n")
    kept = json.loads(KEPT.read_text())
    print(_comparison(counts, kept["instructions"]))
    print("\n" + ratios_table(tables))
    return max(verdict(counts, kept, made_with), tables_verdict(tables))


def _counted() -> Counts:
    jobs = []
    for row in ROWS:
        case = _case(row)
        jobs += [(case, "floor"), (case, row.candidate)]
    run(*jobs[0])  # Python keeps byte code at the first import, which must not count
    with ThreadPoolExecutor(2) as threads:  # each waits for a process
        counts = threads.map(lambda job: run(*job), jobs)
        return {row.name(): {"floor": next(counts), "handler": next(counts)} for row in ROWS}


def _case(row: Row) -> Case:
    if row.candidate == "in-process":
        return overflow_case(row.workload, RAW_BYTES)
    return build_case(build(row.workload, RAW_BYTES), row.format)


def run(case: Case, candidate: str) -> int:
    """Return the instructions of one warm invocation of a candidate, or of the floor. Raises SystemExit."""
    with tempfile.TemporaryFile() as file:
        pickle.dump(case, file)
        file.seek(0)
        (instructions,) = callgrind.count_parts(["invocations.py", candidate], stdin=file)
    return instructions // INVOCATIONS


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


def tables_verdict(tables: Tables) -> int:
    """Return SLOWER when learning costs more than it may on any table."""
    if not (names := costly(tables)):
        return 0
    print(f"\nLearning costs more than {MOST_COLD} cold, or {MOST_WARM} warm: {', '.join(names)}")
    return SLOWER


def _versions() -> dict[str, str]:
    return {"python": sys.version, **{name: version(name) for name in _PACKAGES}}


if __name__ == "__main__":
    sys.exit(main())
