"""The zips: the same bytes from the same input, and handlers that run from a zip alone."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.infra.stacks import COLUMNS
from tests.transform.builders import change, encoded, event
from tests.transform.fakes_forwarder import removal
from ttl_archive.infra import package
from ttl_archive.infra.lambda_wheels import CACHE, LAMBDA_PYTHON
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
def test_a_zip_has_its_packages_its_wheels_and_the_configuration(
    part: str, top: set[str], config: Path, wheels: list[Path]
) -> None:
    names = {name.split("/")[0] for name in package.entries(part, config, wheels)}

    assert {name for name in names if not name.endswith(".dist-info")} == top


def test_the_configuration_has_the_name_that_the_function_looks_for(config: Path, wheels: list[Path]) -> None:
    assert package.entries("transform", config, wheels)["archive.toml"] == config.read_bytes()


def test_the_custom_resources_have_only_their_own_packages(config: Path) -> None:
    names = set(package.entries("attachment", config, ()))
    folders = tuple(
        f"ttl_archive/infra/{folder}/"
        for folder in ("attachment", "athena_views", "export/windows", "scheduled_reports/results")
    )

    assert names - {"ttl_archive/__init__.py"} == {name for name in names if name.startswith(folders)}


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


def test_the_zip_for_lambda_runs_on_the_python_of_lambda(
    config: Path, x86_64_wheels: list[Path], tmp_path: Path
) -> None:
    """The zip is the one that is deployed."""
    python = _find_python(LAMBDA_PYTHON)
    if python is None or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip(f"needs Python {LAMBDA_PYTHON} on Linux, x86_64")
    root = unpacked("transform", config, x86_64_wheels, tmp_path)

    done = _in_bare_python(
        root,
        "import json, ttl_archive.transform.handler as h\n"
        "json.dump(h.handler(json.load(sys.stdin), None), sys.stdout)",
        json.dumps(event(encoded(change()))),
        python,
    )

    answer = json.loads(done.stdout.splitlines()[-1])
    assert [record["result"] for record in answer["records"]] == ["Ok"]


@pytest.mark.parametrize(
    ("part", "module"),
    [
        ("replay", "ttl_archive.replay.map_handler"),
        ("attachment", "ttl_archive.infra.attachment.attach_handler"),
        ("attachment", "ttl_archive.infra.attachment.guard_handler"),
        ("attachment", "ttl_archive.infra.athena_views.views_handler"),
        ("attachment", "ttl_archive.infra.export.windows.window_handler"),
        ("attachment", "ttl_archive.infra.scheduled_reports.results.reports_handler"),
        ("replay", "ttl_archive.replay.backfill.backfill_handler"),
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


def test_the_forwarder_runs_from_the_zip_of_the_transform(
    config: Path, wheels: list[Path], tmp_path: Path
) -> None:
    root = unpacked("transform", config, wheels, tmp_path)
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"):
        if installed := _installed(name):
            (root / name).symlink_to(installed)
    done = _in_bare_python(
        root,
        "import json, os\n"
        "os.environ |= {'TTL_ARCHIVE_DELIVERY_STREAM': 'd', 'TTL_ARCHIVE_BUCKET': 'b'}\n"
        "os.environ['AWS_DEFAULT_REGION'] = 'eu-west-1'\n"
        "import ttl_archive.transform.forwarder_handler as h\n"
        "json.dump(h.handler(json.load(sys.stdin), None), sys.stdout)",
        json.dumps({"Records": [removal(0, eventName="MODIFY")]}),
    )

    assert json.loads(done.stdout.splitlines()[-1]) == {"batchItemFailures": []}


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


def test_a_zip_for_a_release_has_no_configuration(wheels: list[Path]) -> None:
    assert "archive.toml" not in package.entries("transform", None, wheels)


# What differs between two machines: folder, creation mask, time zone, locale and order of hashes.
ENVIRONMENTS = [
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0", "umask": "022"},
    {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4711", "umask": "077"},
]


def test_two_environments_write_the_same_bytes(
    config: Path, arm64_wheels: list[Path], tmp_path: Path
) -> None:
    """The second runs in another folder and, where one is installed, with another version of Python."""
    interpreters = [sys.executable, _other_python() or sys.executable]
    hashes = []
    for number, (python, environment) in enumerate(zip(interpreters, ENVIRONMENTS, strict=True)):
        folder = tmp_path / f"folder-{number}"
        shutil.copytree(arm64_wheels[0].parent, folder / CACHE / arm64_wheels[0].parent.name)
        arguments = ["--config", str(config), "--output", "zips"]
        _package(python, folder, environment, *arguments)
        files = sorted((folder / "zips").iterdir())
        hashes.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})

    assert hashes[0] == hashes[1]
    assert sorted(hashes[0]) == [
        f"{part}-arm64.{suffix}"
        for part in ("attachment", "replay", "transform")
        for suffix in ("cdx.json", "zip")
    ]


def test_the_command_reports_a_changed_wheel_without_a_traceback(
    config: Path, arm64_wheels: list[Path], tmp_path: Path
) -> None:
    for wheel in arm64_wheels:
        (tmp_path / wheel.parent.name).mkdir(exist_ok=True)
        (tmp_path / wheel.parent.name / wheel.name).write_bytes(b"changed")

    result = CliRunner().invoke(package.main, ["--cache", str(tmp_path), "--output", str(tmp_path / "zips")])

    assert result.exit_code == 1
    assert "the SHA-256 is not" in result.output
    assert not (tmp_path / "zips").exists()


def _other_python() -> str | None:
    """Return an interpreter of another version, if one is found; the command needs no compiled package."""
    versions = [f"3.{minor}" for minor in (12, 13, 14) if minor != sys.version_info.minor]
    return next(filter(None, map(_find_python, versions)), None)


def _find_python(version: str) -> str | None:
    found = subprocess.run([ROOT / ".ci/find-python", version], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def _package(python: str, folder: Path, environment: dict[str, str], *arguments: str) -> None:
    command = [python, "-m", "ttl_archive.infra.package", *arguments]
    done = subprocess.run(
        ["/bin/sh", "-c", f'umask {environment["umask"]} && exec "$@"', "sh", *command],
        cwd=folder,
        env={**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{sysconfig.get_path('purelib')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _in_bare_python(
    root: Path, code: str, stdin: str, python: str = sys.executable
) -> "subprocess.CompletedProcess[str]":
    """Run code with the interpreter alone: no site-packages, no current folder, only the unpacked zip."""
    done = subprocess.run(
        [python, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}"],
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
