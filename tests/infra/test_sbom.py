"""The bill of materials: valid CycloneDX, the hashes of what it names, and the same bytes every time."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ttl_archive.infra.package import PARTS, package


@pytest.fixture
def zip_file(arm64_wheels: list[Path], tmp_path: Path) -> Path:
    file = tmp_path / "transform-arm64.zip"
    package("transform", None, arm64_wheels, file)
    return file


def bill(zip_file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zip_file.with_suffix(".cdx.json").read_text())
    return found


def sha256(file: Path) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}]


@pytest.mark.parametrize("part", PARTS)
def test_it_is_valid_cyclonedx(part: str, arm64_wheels: list[Path], tmp_path: Path) -> None:
    package(part, None, arm64_wheels, tmp_path / "function.zip")
    text = (tmp_path / "function.cdx.json").read_text()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_names_the_zip_and_its_wheels_with_hash_and_licence(
    zip_file: Path, arm64_wheels: list[Path]
) -> None:
    found = bill(zip_file)

    assert found["metadata"]["component"]["hashes"] == sha256(zip_file)
    assert [(part["name"], part["hashes"]) for part in found["components"]] == [
        (wheel.name.split("-")[0], sha256(wheel)) for wheel in arm64_wheels
    ]
    assert [part["licenses"] for part in found["components"]] == [
        [{"expression": "BSD-3-Clause"}],
        [{"expression": "BSD-2-Clause"}],
    ]


def test_every_installed_distribution_of_the_zip_is_named(zip_file: Path) -> None:
    with zipfile.ZipFile(zip_file) as archive:
        folders = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}

    assert folders == {f"{part['name']}-{part['version']}.dist-info" for part in bill(zip_file)["components"]}


def test_a_zip_without_wheels_has_no_components(tmp_path: Path, arm64_wheels: list[Path]) -> None:
    package("attachment", None, arm64_wheels, tmp_path / "attachment.zip")

    assert bill(tmp_path / "attachment.zip")["components"] == []
