"""Which folder may import which, and what a cold start must not import."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Imports point one way: see CONTRIBUTING.md, "Where things are".
MAY_IMPORT = {
    "transform": {"transform"},
    "replay": {"replay", "transform"},
    "infra": {"infra", "replay", "transform"},
}
# botocore comes with boto3; pytest is needed by users of the fixture alone.
_NOT_REQUIRED = {"botocore", "pytest"}
MODULES = [path for room in MAY_IMPORT for path in sorted((ROOT / room).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@functools.cache
def imported(path: Path) -> tuple[str, ...]:
    """Return the full names of a module's imports, also inside functions; `from a import b` is `a.b`."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    """Return the top-level packages that a module imports."""
    return {name.partition(".")[0] for name in imported(path)}


def rooms(path: Path) -> set[str]:
    """Return the rooms that a module imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("ttl_archive.")}


def test_a_module_imports_only_the_rooms_it_may() -> None:
    found = {str(path): rooms(path) - MAY_IMPORT[path.relative_to(ROOT).parts[0]] for path in MODULES}

    assert {path: forbidden for path, forbidden in found.items() if forbidden} == {}


def test_a_room_is_imported_by_its_full_name() -> None:
    """A room that is imported by its folder's name is a second copy with classes of its own."""
    found = {str(path): packages(path) & set(MAY_IMPORT) for path in (*MODULES, *TESTS)}

    assert {path: names for path, names in found.items() if names} == {}


def test_the_local_firehose_imports_nothing_of_ours_outside_its_folder() -> None:
    """It is a product of its own. tests/infra/local/test_firehose_alone.py runs it without the rest."""
    folder = ROOT / "infra/local/firehose"
    found = {name for path in folder.rglob("*.py") for name in imported(path)}
    ours = {name for name in found if name.partition(".")[0] == "ttl_archive"}
    own = {name for name in ours if name.startswith("ttl_archive.infra.local.firehose.")}

    assert own
    assert ours - own == set()


def test_the_local_event_source_mapping_needs_the_local_firehose_alone() -> None:
    """Both are products for other projects. They share one clock and one idea of a function."""
    folder = ROOT / "infra/local/event_source"
    found = {name for path in folder.rglob("*.py") for name in imported(path)}
    ours = {name for name in found if name.partition(".")[0] == "ttl_archive"}
    allowed = ("ttl_archive.infra.local.event_source.", "ttl_archive.infra.local.firehose.")

    assert ours
    assert {name for name in ours if not name.startswith(allowed)} == set()


def test_the_transform_needs_two_packages_and_boto3() -> None:
    found = {name for path in (ROOT / "transform").rglob("*.py") for name in packages(path)}

    assert {"msgspec", "pybase64", "boto3", "botocore"} == found - sys.stdlib_module_names - {"ttl_archive"}


def declared(*extras: str) -> set[str]:
    """Return the names of the distributions that pyproject.toml declares: the core's and those of extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    requirements = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    return {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in requirements}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("transform", ()),
        ("replay", ()),
        ("infra/query", ("sql",)),
        ("infra/local", ("local", "sql")),
        ("infra", ("local", "sql", "report", "infra")),
    ],
)
def test_every_package_that_a_folder_imports_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    imports = {name for path in (ROOT / folder).rglob("*.py") for name in packages(path)}
    distributions = packages_distributions()
    needed = {
        distributions[name][0].lower().replace("_", "-")
        for name in imports - sys.stdlib_module_names - {"ttl_archive"} - _NOT_REQUIRED
    }

    assert needed - declared(*extras) == set()


def test_importing_the_handler_imports_no_aws_client(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text('[table]\nname = "devices"\nttl_attribute = "ttl"\n')
    code = "import sys, ttl_archive.transform.handler; print(*sys.modules)"
    environment = {"TTL_ARCHIVE_CONFIG": str(config), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert "msgspec" in done.stdout.split()
    loaded = set(done.stdout.split())
    unwanted = {"boto3", "botocore", "click", "rich", "ttl_archive.infra", "ttl_archive.replay"}
    assert unwanted & loaded == set()
