"""The zips: the same bytes from the same input, and handlers that run from inside one with nothing around."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.infra.stacks import COLUMNS
from tests.transform.builders import change, encoded, event
from ttl_archive.infra import package
from ttl_archive.infra.local.firehose.function import FunctionError
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("config") / "my-archive.toml"
    file.write_text(f'[table]\nname = "devices"\nttl_attribute = "ttl"\n{COLUMNS}')
    return file


def unpacked(part: str, config: Path, wheels: list[Path], folder: Path) -> Path:
    file = folder / f"{part}.zip"
    package.write_zip(file, package.entries(part, config, wheels))
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / part)
    return folder / part


def test_the_same_input_gives_the_same_bytes(config: Path, wheels: list[Path], tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        package.write_zip(tmp_path / name, package.entries("transform", config, wheels))
        hashes.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())

    assert len(hashes) == 1


def test_entries_are_sorted_with_fixed_times_and_permissions(
    config: Path, wheels: list[Path], tmp_path: Path
) -> None:
    package.write_zip(tmp_path / "zip", package.entries("transform", config, wheels))
    with zipfile.ZipFile(tmp_path / "zip") as archive:
        found = archive.infolist()

    assert [info.filename for info in found] == sorted(info.filename for info in found)
    assert {info.date_time for info in found} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in found} == {0o644}


@pytest.mark.parametrize(
    ("part", "top"),
    [
        ("transform", {"ttl_archive", "msgspec", "pybase64", "archive.toml"}),
        ("replay", {"ttl_archive", "msgspec", "pybase64", "archive.toml"}),
        ("attachment", {"ttl_archive"}),
    ],
)
def test_a_zip_has_its_rooms_its_wheels_and_the_configuration(
    part: str, top: set[str], config: Path, wheels: list[Path]
) -> None:
    names = {name.split("/")[0] for name in package.entries(part, config, wheels)}

    assert {name for name in names if not name.endswith(".dist-info")} == top


def test_the_configuration_has_the_name_that_the_function_looks_for(config: Path, wheels: list[Path]) -> None:
    assert package.entries("transform", config, wheels)["archive.toml"] == config.read_bytes()


def test_the_small_function_has_no_room_but_its_own(config: Path) -> None:
    names = set(package.entries("attachment", config, ()))

    assert names - {"ttl_archive/__init__.py"} == {
        name for name in names if name.startswith("ttl_archive/infra/attachment/")
    }


def test_the_transform_runs_from_inside_its_zip(config: Path, wheels: list[Path], tmp_path: Path) -> None:
    root = unpacked("transform", config, wheels, tmp_path)
    done = _in_bare_python(
        root,
        "import json, sys, ttl_archive.transform.handler as h, msgspec, pybase64\n"
        "print(json.dumps([m.__file__ for m in (h, msgspec, pybase64)]), file=sys.stderr)\n"
        "json.dump(h.handler(json.load(sys.stdin), None), sys.stdout)",
        json.dumps(event(encoded(change({"temperature": {"N": "21.5"}})))),
    )
    answer = json.loads(done.stdout.splitlines()[-1])

    assert [record["result"] for record in answer["records"]] == ["Ok"]
    assert all(file.startswith(str(root)) for file in json.loads(done.stderr))


@pytest.mark.parametrize(
    ("part", "module"),
    [
        ("replay", "ttl_archive.replay.map_handler"),
        ("attachment", "ttl_archive.infra.attachment.attach_handler"),
    ],
)
def test_the_other_functions_load_with_boto3_alone(
    part: str, module: str, config: Path, wheels: list[Path], tmp_path: Path
) -> None:
    """Lambda's runtime has boto3, and nothing else of what is installed here."""
    root = unpacked(part, config, wheels, tmp_path)
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"):
        installed = _installed(name)
        if installed:
            (root / name).symlink_to(installed)
    done = _in_bare_python(root, f"import {module} as m; print(m.__file__)", "")

    assert done.stdout.strip().startswith(str(root))


def test_the_runtime_of_aws_runs_the_zip(config: Path, wheels: list[Path], tmp_path: Path) -> None:
    root = unpacked("transform", config, wheels, tmp_path)
    with LambdaRuntime("ttl_archive.transform.handler.handler", task_root=root) as function:
        response = json.loads(function.invoke(json.dumps(event(encoded(change()))).encode()))

    assert [record["result"] for record in response["records"]] == ["Ok"]


def test_a_zip_without_configuration_says_so(config: Path, wheels: list[Path], tmp_path: Path) -> None:
    root = unpacked("transform", config, wheels, tmp_path)
    (root / "archive.toml").unlink()

    with (
        pytest.raises(FunctionError),
        LambdaRuntime("ttl_archive.transform.handler.handler", task_root=root) as function,
    ):
        function.invoke(b"{}")


def test_lambdas_wheels_are_for_its_python_and_architecture() -> None:
    target = package.lambda_target("arm64")

    assert target.python == "3.13"
    assert all(platform.endswith("_aarch64") for platform in target.platforms)
    assert all(platform.endswith("_x86_64") for platform in package.lambda_target("x86_64").platforms)


def test_a_wheel_that_is_not_to_be_had_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "REQUIREMENTS", ("msgspec",))
    nowhere = package.Target("nowhere", "3.13", ("no_such_platform",))

    with pytest.raises(
        package.PackageError, match=r"No wheel of msgspec==.* for nowhere: .*run this with network"
    ):
        package.fetch(nowhere, tmp_path)


def test_a_kept_wheel_needs_no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in package.REQUIREMENTS:
        file = tmp_path / "arm64-3.13" / f"{name}-{package.version(name)}-cp313-cp313-any.whl"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
    monkeypatch.setattr(subprocess, "run", None)

    assert len(package.fetch(package.lambda_target("arm64"), tmp_path)) == 2


def test_the_command_writes_one_zip(config: Path, tmp_path: Path) -> None:
    output = tmp_path / "attacher.zip"
    arguments = ["--part", "attachment", "--config", str(config), "--output", str(output)]
    result = CliRunner().invoke(package.main, arguments)

    assert result.exit_code == 0, result.output
    assert zipfile.is_zipfile(output)


def _in_bare_python(root: Path, code: str, stdin: str) -> "subprocess.CompletedProcess[str]":
    """Run code with the interpreter alone: no site-packages, no current folder, only the unpacked zip."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}"],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={"LAMBDA_TASK_ROOT": str(root), "AWS_DEFAULT_REGION": "us-east-1", "PATH": os.environ["PATH"]},
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done


def _installed(name: str) -> Path | None:
    return next((Path(place) / name for place in sys.path if (Path(place) / name).exists()), None)
