"""`ttl-archive synth` in a new folder, and the template without CDK."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.infra.stacks import COLUMNS
from ttl_archive.infra.lambda_wheels import CACHE
from ttl_archive.infra.synth import ASSET_BUCKET, plain

ROOT = Path(__file__).parents[2]


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.executable).with_name("ttl-archive"), "synth", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, arm64_wheels: list[Path]) -> Path:
    """A folder with archive.toml and, written by the command, build/."""
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "archive.toml").write_text(f'[table]\nname = "Devices"\nttl_attribute = "ttl"\n{COLUMNS}')
    (folder / CACHE).mkdir(parents=True)
    shutil.copytree(arm64_wheels[0].parent, folder / CACHE / arm64_wheels[0].parent.name)
    done = command(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["build/template.json", "build/assets", "build/cdk.out"]
    return folder / "build"


def test_every_function_of_the_template_has_its_zip(built: Path) -> None:
    template = json.loads((built / "template.json").read_text())
    keys = {
        resource["Properties"]["Code"]["S3Key"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    }

    assert keys == {file.name for file in (built / "assets").iterdir()}
    assert len(keys) == 3
    assert all(zipfile.is_zipfile(built / "assets" / key) for key in keys)


def test_the_zip_of_the_transform_has_the_configuration(built: Path) -> None:
    holding = []
    for file in (built / "assets").iterdir():
        with zipfile.ZipFile(file) as archive:
            if "archive.toml" in archive.namelist():
                holding.append(archive.read("archive.toml"))

    assert holding == [(built.parent / "archive.toml").read_bytes()] * 2


def test_the_template_does_not_need_cdk(built: Path) -> None:
    text = (built / "template.json").read_text()

    # Not the three letters alone: they occur by chance in the relations, which are base64.
    assert not re.search("aws[:-]cdk|cdk-|cdkmetadata", text, re.IGNORECASE)
    assert set(json.loads(text)["Parameters"]) == {ASSET_BUCKET}


def test_the_cdk_cli_finds_the_stack(built: Path) -> None:
    manifest = json.loads((built / "cdk.out" / "manifest.json").read_text())

    assert "ttl-archive-Devices" in manifest["artifacts"]


def test_cfn_lint_accepts_the_template_of_a_minimal_configuration(built: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), str(built / "template.json")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout + done.stderr == ""


def test_a_mistake_in_the_configuration_is_reported_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "archive.toml").write_text(
        '[table]\nname = "abc"\nttl_attribute = "t"\n[deploy]\nmemory_mb = 1\nshard = 2\n'
    )
    done = command(tmp_path)

    assert done.returncode == 2
    assert "[deploy] memory_mb has value 1. It must be a whole number from 128 to 10240" in done.stderr
    assert 'Did you mean "shards"?' in done.stderr
    assert "Traceback" not in done.stderr


def test_plain_does_not_change_its_argument() -> None:
    given: dict[str, Any] = {
        "Resources": {"F": {"Properties": {"Code": {"S3Bucket": "cdk", "S3Key": "a.zip"}}, "Metadata": {}}},
        "Parameters": {"BootstrapVersion": {}},
        "Rules": {"CheckBootstrapVersion": {}},
    }
    before = json.dumps(given)
    found, keys = plain(given)

    assert json.dumps(given) == before
    assert keys == ["a.zip"]
    assert found["Resources"]["F"] == {
        "Properties": {"Code": {"S3Bucket": {"Ref": ASSET_BUCKET}, "S3Key": "a.zip"}}
    }
    assert "Rules" not in found


def test_a_dependency_that_a_reference_implies_is_left_out() -> None:
    function = {"Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}, "DependsOn": ["Role", "Policy"]}
    alone = {"Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}, "DependsOn": "Role"}
    named = {"Properties": {"Name": {"Ref": "Stream"}}, "DependsOn": ["Stream", "Policy"]}
    found, _ = plain({"Resources": {"F": function, "G": alone, "H": named}})

    assert found["Resources"]["F"]["DependsOn"] == ["Policy"]
    assert found["Resources"]["H"]["DependsOn"] == ["Policy"]
    assert "DependsOn" not in found["Resources"]["G"]
