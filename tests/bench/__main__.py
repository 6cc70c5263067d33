"""Measures the transform against the runtime's floor and a baseline: `make bench`, or python tests/bench.

The tables go to standard output, and with the figures they come from into results.json beside this file.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import callgrind
import costs
import formats
import overflow_cases
import report
from cases import Case, build_case
from sampling import HERE, Asked, Samples, measure, started
from table_counts import count_tables
from tables import TABLES
from workloads import RAW_BYTES, Workload, build, names

RESULTS, README = HERE / "results.json", HERE.parents[1] / "README.md"
_PACKAGES = ("msgspec", "pybase64", "awslambdaric", "simplejson", "aws-lambda-powertools", "boto3")


@dataclass(frozen=True)
class Plan:
    """How much is measured, and the file for the results."""

    raw_bytes: int
    rounds: int
    formats: tuple[str, ...]
    full_bytes: int  # of the event whose memory is watched
    tables: tuple[str, ...]  # of tables.py
    file: Path | None


PLANS = {
    "full": Plan(RAW_BYTES, 11, formats.NAMES, 1 << 30, tuple(TABLES), RESULTS),
    "quick": Plan(RAW_BYTES, 5, formats.NAMES[:1], RAW_BYTES, (), None),
    "check": Plan(20_000, 1, formats.NAMES, 20_000, (), None),
}


def main() -> None:
    """Measure as the options say, or print the latest results."""
    parser = argparse.ArgumentParser(prog="python tests/bench", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--quick",
        action="store_const",
        dest="plan",
        const="quick",
        help="only the default format, few rounds",
    )
    choice.add_argument(
        "--check", action="store_const", dest="plan", const="check", help="does it run at all"
    )
    choice.add_argument("--markdown", action="store_true", help="print the tables of results.json")
    choice.add_argument("--readme", action="store_true", help="put the tables of results.json into README.md")
    parser.add_argument("--only", default="", help="workloads whose name has this text, such as iot1k")
    options = parser.parse_args()
    if options.markdown:
        print(report.tables(json.loads(RESULTS.read_text())))
        return
    if options.readme:
        README.write_text(report.in_document(README.read_text(), json.loads(RESULTS.read_text())))
        return
    plan = PLANS[options.plan or "full"]
    results = _about(plan) | _measured(plan, [name for name in names() if options.only in name])
    print(report.tables(results))
    if plan.file and not options.only:
        plan.file.write_text(json.dumps(results, indent=1) + "\n")


def _measured(plan: Plan, chosen: list[str]) -> dict[str, Any]:
    cases = []
    with started(("baseline", "handler", "marshaller")) as workers:
        for position, name in enumerate(chosen, 1):
            print(f"{name} ({position} of {len(chosen)})", file=sys.stderr)
            workload = build(name, plan.raw_bytes)
            cases += [_case(workload, fmt, workers, plan.rounds) for fmt in plan.formats]
    cases.sort(key=lambda case: plan.formats.index(case["format"]))
    typical = next((case for case in cases if case["workload"] == "iot1k:0.5"), cases[0])
    return {
        "cases": cases,
        "overflow": _overflow(plan),
        "tables": count_tables(plan.tables) if callgrind.is_installed() else {},
        "peak_memory_mb": costs.peak_memory_mb(plan.full_bytes),
        "import_ms": costs.import_ms(plan.rounds),
        "package_bytes": costs.package_bytes(),
        "prices": costs.prices(typical["handler"]["whole_ms"] / 1000, typical["records"]),
    }


def _case(workload: Workload, format_name: str, workers: dict[str, Asked], rounds: int) -> dict[str, Any]:
    """Return the figures of one workload in one format. The hook is measured in the first format."""
    chosen = {
        name: worker
        for name, worker in workers.items()
        if name != "marshaller" or format_name == formats.NAMES[0]
    }
    case = build_case(workload, format_name)
    return {"format": format_name, **_compared(case, measure(case, chosen, rounds))}


def _overflow(plan: Plan) -> list[dict[str, Any]]:
    """Return the figures of the events whose rows do not all fit into the response."""
    print("overflow", file=sys.stderr)
    found = overflow_cases.measured(plan.raw_bytes, plan.rounds)
    return [{"put_back": case.lines.count(None), **_compared(case, samples)} for case, samples in found]


def _compared(case: Case, samples: dict[str, Samples]) -> dict[str, Any]:
    exact = all(found.is_exact for name, found in samples.items() if name != "baseline")
    workload = case.workload
    return {
        "workload": workload.name,
        "records": len(workload.changes),
        "event_bytes": len(workload.body),
        "rows": "exact" if exact else "DIFFER",
        **{name: _figures(found, samples["baseline"], workload) for name, found in samples.items()},
    }


def _figures(samples: Samples, baseline: Samples, workload: Workload) -> dict[str, float]:
    figures = {
        "floor_ms": samples.seconds("floor") * 1000,
        "handler_ms": samples.seconds("handler") * 1000,
        "whole_ms": samples.seconds("whole") * 1000,
        "whole_x_floor": samples.times_floor("whole"),
        "handler_x_faster": samples.times_faster(baseline, "handler"),
        "whole_x_faster": samples.times_faster(baseline, "whole"),
        "mb_s": workload.raw_bytes / samples.seconds("handler") / 1e6,
    }
    return {name: round(value, 3) for name, value in figures.items()}


def _about(plan: Plan) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_cpu()}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
        "rounds": plan.rounds,
        "raw_bytes": plan.raw_bytes,
    }


def _cpu() -> str:
    """Return the CPU's name, where the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown CPU"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")


if __name__ == "__main__":
    main()
