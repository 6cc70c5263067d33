from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ttl_archive.infra.local


@pytest.mark.parametrize("name", ttl_archive.infra.local.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(ttl_archive.infra.local, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Pipelines'"):
        ttl_archive.infra.local.Pipelines  # noqa: B018


def test_importing_the_package_loads_none_of_its_parts() -> None:
    parts = "('boto3', 'duckdb', 'moto')"
    program = f"import sys, ttl_archive.infra.local; print([m for m in sys.modules if m in {parts}])"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout == "[]\n"
