"""The sentences of the project: comments and docstrings of its modules, and paragraphs of its documents."""

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FOLDERS = ("infra", "replay", "tests", "transform")


class Prose(NamedTuple):
    """One comment, docstring or paragraph: where it begins, and its text on one line."""

    file: Path
    line: int
    text: str

    @property
    def place(self) -> str:
        """The file and the line, for a message."""
        return f"{self.file.relative_to(ROOT)}:{self.line}"


@cache
def all_prose() -> list[Prose]:
    """Return every piece of prose of the project."""
    modules = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    found = [prose for file in modules for prose in module_prose(file)]
    return found + [prose for file in documents() for prose in paragraphs(file)]


def documents() -> list[Path]:
    """Return the Markdown files of the root and of the folders."""
    return sorted(ROOT.glob("*.md")) + [
        file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.md"))
    ]


def module_prose(file: Path) -> Iterator[Prose]:
    """Yield a module's blocks of comments and its docstrings."""
    source = file.read_text(encoding="utf-8")
    yield from _comments(file, source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            text = ast.get_docstring(node) or ""
            line = getattr(node, "lineno", 1)
            yield from (Prose(file, line, " ".join(part.split())) for part in text.split("\n\n"))


def _comments(file: Path, source: str) -> Iterator[Prose]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    # A block is a run of comments on successive lines that begin in the same column.
    numbered = enumerate(comments)
    for _, block in groupby(numbered, lambda pair: (pair[1].start[0] - pair[0], pair[1].start[1])):
        lines = [token for _, token in block]
        yield Prose(file, lines[0].start[0], " ".join(token.string.lstrip("# ") for token in lines))


def paragraphs(file: Path) -> Iterator[Prose]:
    """Yield the paragraphs of a document, without its blocks of code; each row of a table is one."""
    lines: list[str] = []
    in_code = False
    for number, line in enumerate([*file.read_text(encoding="utf-8").splitlines(), ""], 1):
        if line.startswith("```"):
            in_code = not in_code
        if lines and (not line.strip() or line.startswith(("```", "|"))):
            yield Prose(file, number - len(lines), " ".join(lines))
            lines = []
        if not in_code and line.strip() and not line.startswith("```"):
            lines.append(line.strip())
