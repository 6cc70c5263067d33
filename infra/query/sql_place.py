"""A place in SQL, shown with its line, and names that are close to a wrong one."""

from collections.abc import Iterable
from difflib import get_close_matches

_WIDTH = 76  # of 80, without the indent


def show_place(sql: str, line: int, column: int) -> str:
    """Return the line of the SQL with a caret below the column; both count from 1. A long line is cut."""
    lines = sql.splitlines()
    if not 1 <= line <= len(lines):
        return ""
    text, position = lines[line - 1], max(column - 1, 0)
    start = max(0, min(position - _WIDTH // 2, len(text) - _WIDTH))
    shown = "".join(char if char.isprintable() else " " for char in text[start : start + _WIDTH])
    return f"\n  {shown}\n  {' ' * (position - start)}^"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known names that are closest to a wrong one, or with all of them."""
    names = sorted(set(known))
    close = get_close_matches(name.lower(), names, n=3)
    if close:
        return f" Did you mean {' or '.join(close)}?"
    return f" There is: {', '.join(names)}." if names else ""
