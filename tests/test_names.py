"""One meaning for each name: no module, public class or public function of the package shares its name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source_tree import ROOT

ROOMS = ("infra", "replay", "transform")
# Names that occur more than once, and why they have one meaning nevertheless.
MODULES = {
    "__init__": "Python's own name",
    "errors": "the tree of a room's own errors; replay's begins where transform's ends",
}
CLASSES: dict[str, str] = {}
FUNCTIONS = {
    "handler": "the function that Lambda calls",
    "load": "settings from a file: all sections, and the section [deploy]",
    "main": "the entry point of a module that is run",
    "parse": "settings from a TOML document: all sections, and the section [deploy]",
}


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def module_names() -> Iterator[tuple[str, Path]]:
    yield from ((path.stem, path) for path in modules())


def public_class_names() -> Iterator[tuple[str, Path]]:
    for path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        yield from ((name, path) for name in classes if not name.startswith("_"))


def public_function_names() -> Iterator[tuple[str, Path]]:
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node.name, path


KINDS = [(module_names, MODULES), (public_class_names, CLASSES), (public_function_names, FUNCTIONS)]


@pytest.mark.parametrize(("names", "allowed"), KINDS, ids=["modules", "classes", "functions"])
def test_a_name_occurs_once_or_has_a_reason(names, allowed):
    places = defaultdict(list)
    for name, path in names():
        places[name].append(str(path.relative_to(ROOT)))
    repeated = {name: found for name, found in places.items() if len(found) > 1}

    assert {name: found for name, found in repeated.items() if name not in allowed} == {}
    assert [name for name in allowed if name not in repeated] == []
