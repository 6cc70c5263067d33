"""Markdown tables whose columns also line up on a terminal."""

from collections.abc import Sequence


def replaced(document: str, made: str) -> str:
    """Return the document with this table in place of the one whose first column has the same head.

    Raises ValueError when the document has no such table.
    """
    head = made[: made.index("|", 1)].rstrip()
    lines = document.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith(f"{head} ")), None)
    if start is None:
        raise ValueError(f"The document has no table that begins with {head!r}.")
    end = next((n for n, line in enumerate(lines) if n > start and not line.startswith("|")), len(lines))
    return "\n".join([*lines[:start], made, *lines[end:]]) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column is text. The others are numbers."""
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return (
            "| "
            + " | ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)])
            + " |"
        )

    ruler = "|" + "|".join(
        "-" * (width + 2) if not i else "-" * (width + 1) + ":" for i, width in enumerate(widths)
    )
    return "\n".join([line(head), ruler + "|", *map(line, rows)])
