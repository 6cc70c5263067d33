"""Who may import whom, and what a cold start does not pay for."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Source: the rooms of the design; arrows point one way.
MAY_IMPORT = {
    "transform": {"transform"},
    "replay": {"replay", "transform"},
    "infra": {"infra", "replay", "transform"},
}
ROOMS = {*MAY_IMPORT, "tests"}
MODULES = [path for room in MAY_IMPORT for path in sorted((ROOT / room).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """Names of the top-level packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield path.relative_to(ROOT).parts[0] if node.level else str(node.module).partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_the_rooms_it_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]

    assert set() == ROOMS.intersection(imported(path)) - MAY_IMPORT[room]


def test_the_transform_needs_two_packages_and_boto3_where_it_calls_out() -> None:
    found = {name for path in (ROOT / "transform").rglob("*.py") for name in imported(path)}

    assert {"msgspec", "pybase64", "boto3", "botocore"} == found - sys.stdlib_module_names - {"transform"}


def test_importing_the_handler_imports_no_aws_client(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text('[table]\nname = "devices"\nttl_attribute = "ttl"\n')
    code = "import sys, transform.handler; print(*{name.partition('.')[0] for name in sys.modules})"
    environment = {"TTL_ARCHIVE_CONFIG": str(config), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert "msgspec" in done.stdout.split()
    assert set() == {"boto3", "botocore", "infra", "replay", "click", "rich"} & set(done.stdout.split())
