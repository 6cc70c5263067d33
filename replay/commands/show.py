"""What people see: text on stdout, and notes on stderr."""

import json
import shutil
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]], indent: str = "") -> None:
    """Print aligned columns, numbers to the right. The caller keeps them within 80 characters."""
    cells = [[_cell(value) for value in row] for row in rows]
    lines = [list(headers), *cells]
    widths = [max(len(line[position]) for line in lines) for position in range(len(headers))]
    right = [bool(rows) and all(isinstance(row[i], int) for row in rows) for i in range(len(headers))]
    for line in lines:
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        )
        click.echo(indent + "  ".join(padded).rstrip())


def paragraph(text: str, indent: str = "") -> None:
    """Print text, wrapped at the width of the terminal; long words are not broken."""
    _fill(text, indent, indent)


def field(name: str, text: str, width: int = 18) -> None:
    """Print a name and its text, which is wrapped beside the name."""
    _fill(text, f"{name:{width}}  ", " " * (width + 2))


def _fill(text: str, first: str, then: str) -> None:
    width = min(shutil.get_terminal_size().columns, 100)  # 80 where there is no terminal
    wrapper = textwrap.TextWrapper(width, first, then, break_long_words=False, break_on_hyphens=False)
    click.echo(wrapper.fill(printable(text)))


def plural(count: int, noun: str) -> str:
    """Return `1 record`, `2 records`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def block(text: str, indent: str = "") -> None:
    """Print lines as they are, to be copied."""
    for line in text.splitlines():
        click.echo(indent + printable(line))


def printable(text: str) -> str:
    """Return the text with control characters escaped, so that a terminal shows it and obeys nothing."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def as_json(value: Any) -> None:
    """Print a value as JSON; times are ISO 8601 in UTC, 2026-11-21T06:26:52Z."""
    click.echo(json.dumps(value, indent=2, default=_json_value))


def as_json_line(value: Any) -> None:
    """Print a value as one line of JSON."""
    click.echo(json.dumps(value, default=_json_value))


def note(text: str) -> None:
    """Print something that is not data, on stderr."""
    click.echo(text, err=True)


def size(number: int) -> str:
    """Return a number of bytes for people: 1.5 MB."""
    value, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{number} B" if unit == "B" else f"{value:.1f} {unit}"


def moment(time: datetime | None) -> str:
    """Return a time as ISO 8601 in UTC, to the second: 2026-11-21T06:26:52Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else ""


def counts(numbers: dict[str, int]) -> str:
    """Return `3 a, 1 b`; `none` when empty."""
    return ", ".join(f"{number:,} {name}" for name, number in sorted(numbers.items()) if number) or "none"


def _cell(value: Any) -> str:
    if isinstance(value, datetime) or value is None:
        return moment(value)
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


def _json_value(value: Any) -> str:
    return moment(value) if isinstance(value, datetime) else str(value)
