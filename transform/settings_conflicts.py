"""Settings that are each allowed, but not together: one sentence for each mistake."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ttl_archive.transform.settings import Column, Output, Table


def conflicts(table: "Table", output: "Output", columns: "Sequence[Column]") -> list[str]:
    """Return one sentence for each mistake in [table], [output] and [[columns]] taken together."""
    return [
        *_backfill(table, output),
        *_scales(columns),
        *_overlaps(columns),
        *_contradictions(output, [c.name for c in columns]),
    ]


def _backfill(table: "Table", output: "Output") -> list[str]:
    """Report what the comparison of an exported row with a removal lacks: see infra/sql/change_identity."""
    problems = []
    if table.backfilled and not table.keys:
        problems.append(
            "[table] backfilled is true without keys. Name the key attributes, so that an exported row is "
            "recognised when the item is removed"
        )
    if table.backfilled and output.row == "envelope" and output.image is False:
        problems.append(
            '[table] backfilled is true and [output] row is "envelope" with image = false. The relations '
            "read keys and TTL from the image: set image = true"
        )
    return problems


def _scales(columns: "Sequence[Column]") -> list[str]:
    problems = []
    for number, column in enumerate(columns, 1):
        precision = re.fullmatch(r"decimal\((\d+),(\d+)\)", str(column.type))
        if precision and int(precision[2]) > int(precision[1]):
            problems.append(
                f'[[columns]] {number} type has value "{column.type}". '
                "The scale must not exceed the precision"
            )
    return problems


def _overlaps(columns: "Sequence[Column]") -> list[str]:
    """Report duplicate names, and paths of which one is the same as, or inside, another."""
    problems = []
    for position, column in enumerate(columns):
        for other in columns[:position]:
            if column.name and column.name == other.name:
                problems.append(f'[[columns]] name "{column.name}" is a duplicate. Rename one of the columns')
            paths = [path for path in (column.path, other.path) if isinstance(path, tuple) and path]
            outer, inner = sorted(paths, key=len) if len(paths) == 2 else ((), ())
            if outer and inner[: len(outer)] == outer:
                problems.append(
                    f'[[columns]] path "{".".join(inner)}" is the same as, or lies inside, path '
                    f'"{".".join(outer)}". A value can have one column only'
                )
    return problems


def _contradictions(output: "Output", columns: list[str]) -> list[str]:
    csv, envelope = output.format == "csv", output.row == "envelope"
    date = output.date_column
    rules = [
        (csv and not columns, '[output] format is "csv" without [[columns]]. CSV needs at least one'),
        (
            csv and envelope,
            '[output] row is "envelope" and format is "csv". Use row "flat" or format "jsonl"',
        ),
        (
            envelope and bool(columns),
            '[[columns]] are not allowed with [output] row "envelope". Remove them, or use row "flat"',
        ),
        (
            envelope and output.nested == "flatten",
            '[output] nested is "flatten" and row is "envelope". Use nested "keep", or row "flat"',
        ),
        (
            date in columns or (envelope and date in ("keys", "new_image", "old_image")),
            f'[output] date_column has value "{date}", the name of another column. Rename one of them',
        ),
    ]
    return [text for is_broken, text in rules if is_broken]
