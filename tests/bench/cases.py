"""One workload in one format, with the rows that come out of it, checked before anything is measured."""

import contextlib
import io
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from candidates import NO_LIMIT, Candidate, Lines, handler
from formats import Format, format_of
from reference import is_exact
from workloads import Workload


@dataclass(frozen=True)
class Case:
    """The input of a measurement."""

    workload: Workload
    format: Format
    lines: Lines  # an entry for every record: the exact row, or None where it is dropped
    limit: int = NO_LIMIT  # of the response, in bytes


def build_case(workload: Workload, format_name: str) -> Case:
    """Return the case of a workload in a format. Raises SystemExit when our own rows are not exact."""
    fmt = format_of(format_name, workload.name.partition(":")[0])
    lines = lines_of(handler(fmt), workload)
    if not is_exact(workload, lines, fmt):
        raise SystemExit(
            f"{workload.name}, {format_name}: the handler's rows are not exact. Nothing was measured."
        )
    return Case(workload, fmt, lines)


def lines_of(candidate: Candidate, workload: Workload) -> Lines:
    """Return the rows that a candidate makes of a workload, with None for a dropped record."""
    with contextlib.redirect_stdout(io.StringIO()):
        response: dict[str, Any] = candidate.handle(candidate.decode(workload.body))
    return [b64decode(r["data"]) if r["result"] == "Ok" else None for r in response["records"]]
