"""What `ttl-archive verify` prints: one line for each day, then the reasons, then what to do next."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import click

from ttl_archive.infra.verify.archive_scan import IN_GLACIER, ObjectProblem
from ttl_archive.infra.verify.day_balance import DayBalance
from ttl_archive.infra.verify.day_seals import SealOutcome
from ttl_archive.infra.verify.verify_run import Verification
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.commands import show

_WIDTH = 14
_REASONS_SHOWN = 10


def print_verification(
    found: Verification, outcomes: Mapping[date, SealOutcome], arguments: str, edge_s: int
) -> None:
    """Print the verification; `arguments` name its place in another command."""
    sealed = {str(day): f"{max(times):%Y-%m-%d}" for day, times in found.seals.sealed.items()}
    rows = [(*_line(each), sealed.get(each.numbers.label, "-")) for each in (*found.days, found.whole)]
    show.table(("day", "deleted", "unique", "copies", "failed", "verdict", "sealed"), rows)
    for each in (*found.days, found.whole):
        _print_reasons(each)
    click.echo()
    show.field(
        "read", f"{show.plural(found.scan.objects, 'object')}, {show.size(found.scan.read_bytes)}", _WIDTH
    )
    _print_processed(found)
    _print_error_objects(found)
    for copy in found.scan.copies[:_REASONS_SHOWN]:
        show.field("copy", f"{copy.url}: {copy.reason}", _WIDTH)
    show.field("tolerance", f"rows within {edge_s} seconds of a day's edges may count for either day", _WIDTH)
    if not found.is_versioned:
        show.field("not checked", "deleted and overwritten objects: the bucket keeps no versions", _WIDTH)
    _print_sealing(outcomes)
    show.field("answer", verification_answer(found), _WIDTH)
    for line in _next_steps(found, arguments):
        show.note(line)


def verification_document(
    found: Verification, outcomes: Mapping[date, SealOutcome], edge_s: int, exit_code: int
) -> dict[str, Any]:
    """Return the verification as JSON has it."""
    return {
        "closes": found.closes,
        "edge_s": edge_s,
        "days": [_document(each, found) for each in found.days],
        "range": _document(found.whole, found),
        "objects": found.scan.objects,
        "bytes": found.scan.read_bytes,
        "copies": _problems(found.scan.copies),
        "changed_objects": _problems(found.changed),
        "versioned": found.is_versioned,
        "seal_problems": _problems((*found.seals.problems, *found.seals.added)),
        "sealing": {str(day): outcome.text for day, outcome in outcomes.items()},
        "exit_code": exit_code,
        "error_objects": {str(day): dict(states) for day, states in sorted(found.failed.objects.items())},
        "unreadable_error_objects": found.failed.problems,
    }


def _problems(problems: Iterable[ObjectProblem]) -> list[dict[str, str]]:
    return [{"object": each.url, "reason": each.reason} for each in problems]


def _document(each: DayBalance, found: Verification) -> dict[str, Any]:
    numbers = each.numbers
    processed = {str(day): counts for day, counts in found.processed.items()}
    sealed = {str(day): times for day, times in found.seals.sealed.items()}
    return {
        "day": numbers.label,
        "verdict": each.verdict,
        "deleted": numbers.deleted[0] if numbers.deleted else None,
        "rows": numbers.rows.rows,
        "unique": numbers.rows.unique,
        "failed": dict(numbers.failed),
        "processed": dict(processed.get(numbers.label, {})),
        "sealed_at": list(sealed.get(numbers.label, ())),
        "reasons": list(each.reasons),
    }


def _line(each: DayBalance) -> tuple[Any, ...]:
    numbers = each.numbers
    deleted = f"{numbers.deleted[0]:,}" if numbers.deleted else "?"
    copies = numbers.rows.rows - numbers.rows.unique
    failed = sum(numbers.failed.values())
    label = numbers.label if len(numbers.label) == 10 else "all days"
    return label, deleted, numbers.rows.unique, copies, failed, each.verdict


def _print_reasons(each: DayBalance) -> None:
    label = each.numbers.label if len(each.numbers.label) == 10 else "all days"
    for reason in each.reasons[:_REASONS_SHOWN]:
        show.field(label, reason, _WIDTH)
    if len(each.reasons) > _REASONS_SHOWN:
        show.field(label, f"{len(each.reasons) - _REASONS_SHOWN} more reasons: --json has them", _WIDTH)


def _print_processed(found: Verification) -> None:
    totals: dict[str, int] = {}
    for counts in found.processed.values():
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
    if not totals:
        show.field("functions", "CloudWatch has no counts of the functions for these days", _WIDTH)
        return
    dropped = {
        "not-a-removal": totals.get("DroppedNotRemoval", 0),
        "user-removal": totals.get("DroppedUserRemoval", 0),
        "ttl-removal": totals.get("DroppedTtlRemoval", 0),
    }
    show.field("functions", f"{totals.get('RecordsReceived', 0):,} records received", _WIDTH)
    show.field("  delivered", f"{totals.get('RecordsDelivered', 0):,}", _WIDTH)
    show.field("  dropped", show.counts(dropped), _WIDTH)
    show.field("  failed", f"{totals.get('RecordsFailed', 0):,}", _WIDTH)
    show.field("  overflow", f"{totals.get('RecordsReingested', 0):,} put back to the stream", _WIDTH)


def _print_error_objects(found: Verification) -> None:
    states: dict[str, int] = {}
    for counts in found.failed.objects.values():
        for state, count in counts.items():
            states[state] = states.get(state, 0) + count
    show.field("error objects", show.counts(states), _WIDTH)
    for problem in found.failed.problems:
        show.field("  not read", problem, _WIDTH)


def _print_sealing(outcomes: Mapping[date, SealOutcome]) -> None:
    """Print how many days are sealed, and what became of the others; --json has every day."""
    if not outcomes:
        return
    sealed = sum(outcome.is_sealed for outcome in outcomes.values())
    show.field("sealed", f"{sealed:,} of {show.plural(len(outcomes), 'day')}", _WIDTH)
    for day, outcome in outcomes.items():
        if not outcome.is_sealed:
            show.field(str(day), outcome.text, _WIDTH)


def verification_answer(found: Verification) -> str:
    """Return the answer for all days in one sentence; a day that is not countable does not close."""
    if found.closes:
        return "every day closes: each item that TTL deleted has its row, or the difference is explained."
    bad = sum(not day.verdict.closes for day in found.days)
    if bad:
        return f"{show.plural(bad, 'day')} of {len(found.days)} {'does' if bad == 1 else 'do'} not close."
    return "each day closes within its tolerance, but the days together do not."


def _next_steps(found: Verification, arguments: str) -> list[str]:
    steps = []
    cold = [day.numbers.label for day in found.days if any(IN_GLACIER in reason for reason in day.reasons)]
    if cold:
        after = date.fromisoformat(cold[-1]) + timedelta(days=1)
        steps.append(
            "To retrieve and read these days: "
            f"ttl-archive restore {arguments} --since {cold[0]} --until {after} --out rows.jsonl"
        )
    if any(state in (State.OPEN, State.REFUSED) for day in found.days for state in day.numbers.failed):
        steps.append(f"To see why records failed: ttl-archive replay list {arguments} --why")
    if found.seals.added:
        steps.append("To seal what was added, after you have looked at it: --seal --accept-added")
    if any("not explained" in reason for day in found.days for reason in day.reasons):
        steps.append("To look for rows that arrived later than a day after their change: --late-days 7")
    return steps
