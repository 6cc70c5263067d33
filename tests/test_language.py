"""Rules of language that a machine can check: no idiom of our own, and names that say what they are."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.prose import FOLDERS, ROOT, Prose, all_prose

# What must not be written -> what to write instead.
IDIOMS = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\btold\b(?! apart)": "report, say or decide",
    r"\b(come|comes|came|coming|bring|brings|brought|bringing) home\b": "replay",
    r"\banew\b": "again, or recreate",
    r"\bstands? (twice|once)\b": "is duplicated",
    r"\b(by|at) (its|their) place\b": "positional",
    r"\bis over, not beside\b": "overwrites",
    r"\bis none (for|of)\b": "is not a",
    r"\bends? before (its|their) end\b": "is truncated",
    r"\bas (a|the) \w+ is called\b": "is named like",
    r"\bnever \w+ nor\b": "neither … nor",
    r"; gives\b|^gives\b|\band gives\b": "return",
    r"\btakes? up where\b": "resume",
    r"\bgoes round\b": "loops",
    r"\bto be had\b": "available",
    r"\bhas them as they are\b": "copies them",
}
# Words that mean something else in this field, or nothing.
BANNED_NAMES = {"told", "relieve", "lane", "pile", "patience", "in_seconds", "bridge", "instead_of"}
_THIRD_PERSON = re.compile(
    r"^(Answers|Builds|Calls|Carries|Checks|Counts|Creates|Decides|Deletes|Finds|Gives|Holds|Keeps|Lets|Lists|"
    r"Loads|Looks|Makes|Moves|Puts|Raises|Reads|Removes|Replaces|Returns|Runs|Says|Sends|Sets|Shows|Starts|Stops|"
    r"Takes|Tells|Turns|Waits|Writes|Yields)\b"
)
_OWN = ROOT / "tests" / "test_language.py"


def named() -> Iterator[tuple[str, str]]:
    """Yield the name of every class, function and argument, with its place."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                name = getattr(node, "name", None) or getattr(node, "arg", None)
                if isinstance(name, str):
                    yield name, f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def function_docstrings() -> Iterator[Prose]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
                    yield Prose(file, node.lineno, text)


@pytest.mark.parametrize(("idiom", "instead"), IDIOMS.items())
def test_no_idiom_of_our_own_is_written(idiom: str, instead: str) -> None:
    """`instead` is the plain word, for the reader of a failure."""
    found = [prose.place for prose in all_prose() if prose.file != _OWN and re.search(idiom, prose.text)]

    assert found == []


def test_no_name_is_a_word_that_says_nothing() -> None:
    words = [(name, place, name.lower().replace("told_apart", "").split("_")) for name, place in named()]
    found = [(name, place) for name, place, parts in words if BANNED_NAMES & {name.strip("_"), *parts}]

    assert found == []


def test_the_docstring_of_a_function_is_no_third_person() -> None:
    found = [
        (prose.place, prose.text[:60]) for prose in function_docstrings() if _THIRD_PERSON.match(prose.text)
    ]

    assert found == []
