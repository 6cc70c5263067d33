"""The wheel and the sdist: nothing is missing from them, and they work beside a user's own `infra`."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.infra.locks import alone
from tests.source_tree import ROOT, copy_sources, tracked_files
from ttl_archive.infra.local.firehose.function import FunctionError
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime

ROOMS = ("infra", "replay", "transform")
CONFIG = '[table]\nname = "DeviceData"\nttl_attribute = "expiredAt"\n'
STACK = "from ttl_archive.infra.archive import TtlArchive\n"
# A user's CDK app: a stack in the user's own package `infra`, with our construct in it.
APP = """
import sys, zipfile
from pathlib import Path
from ttl_archive.infra import archive, deploy_settings, node
node.use_wheel()
from aws_cdk import App, Stack
from infra.my_stack import TtlArchive
from ttl_archive.infra.assets import Assets
from ttl_archive.transform.settings import load

code = Path("function.zip")
zipfile.ZipFile(code, "w").writestr("handler.py", "")
settings = load()
app = App(outdir="cdk.out")
stack = Stack(app, "mine")
assets = Assets(transform=code, replay=code, attachment=code)
TtlArchive(stack, "Archive", settings=settings, deploy=deploy_settings.load(settings), assets=assets)
app.synth()
print(archive.__file__)
"""


def package_files() -> set[str]:
    """Return the names that files have in the package: all of the rooms, data and documents included."""
    rooms = {f"ttl_archive/{name}" for name in tracked_files() if name.split("/")[0] in ROOMS}
    return rooms | {
        name for name in tracked_files() if name.startswith("ttl_archive/") and (ROOT / name).is_file()
    }


def run(*command: object, cwd: Path, **environment: str) -> str:
    """Return what a successful command printed; the source tree is not on its path."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `dist`, the sdist and the wheel made from it, and `venv`, which has that wheel."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "distribution"
    with alone(folder.with_suffix(".lock")):
        if not (folder / "done").exists():
            copy_sources(folder / "source")
            build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist"]
            run(*build, folder / "source", cwd=folder)
            install(folder)
            (folder / "done").touch()
    return folder


def install(folder: Path) -> None:
    """Install the wheel into an empty environment, which finds the dependencies among the developer's.

    A `.pth` file adds the developer's site-packages without processing the `.pth` files in there, so the
    editable installation of the source tree is not found.
    """
    venv.create(folder / "venv", symlinks=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder / "venv/bin/python"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    (site_packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (site_packages / "developer.pth").write_text(sysconfig.get_path("purelib"))


@pytest.fixture(params=["a package", "a plain folder"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A user's project whose own code has the names of our rooms."""
    for room in ("infra", "transform"):
        (tmp_path / room).mkdir()
        if request.param == "a package":
            (tmp_path / room / "__init__.py").touch()
    (tmp_path / "infra" / "my_stack.py").write_text(STACK)
    (tmp_path / "replay.py").write_text("raise RuntimeError('the replay.py of the user was imported')")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "archive.toml").write_text(CONFIG)
    return tmp_path


def wheel_names(distribution: Path) -> set[str]:
    (wheel,) = (distribution / "dist").glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def sdist_names(distribution: Path) -> set[str]:
    (sdist,) = (distribution / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def test_the_wheel_has_every_file_of_the_package(distribution: Path) -> None:
    assert package_files() - wheel_names(distribution) == set()


def test_the_sdist_has_every_file_of_the_package(distribution: Path) -> None:
    assert package_files() - sdist_names(distribution) == set()


def test_the_wheel_installs_one_top_level_package(distribution: Path) -> None:
    top_level = {name.split("/")[0] for name in wheel_names(distribution)}

    assert {name for name in top_level if not name.endswith(".dist-info")} == {"ttl_archive"}


def test_mypy_checks_every_module_of_the_rooms() -> None:
    """The list is the one that mypy makes of its arguments and configuration before it checks anything."""
    code = "from mypy.main import process_options; print(*(s.module for s in process_options([])[0]))"

    checked = run(sys.executable, "-c", code, cwd=ROOT).split()

    modules = {
        name.removesuffix(".py").removesuffix("/__init__") for name in package_files() if name[-3:] == ".py"
    }
    assert {name.replace("/", ".") for name in modules} - set(checked) == set()


@pytest.mark.parametrize("python_path", ["", "."])
def test_the_command_runs_in_a_project_with_an_infra_of_its_own(
    distribution: Path, project: Path, python_path: str
) -> None:
    command = [distribution / "venv/bin/ttl-archive", "check-config"]

    assert 'name = "DeviceData"' in run(*command, cwd=project, PYTHONPATH=python_path)


@pytest.mark.slow
@pytest.mark.parametrize("project", ["a package"], indirect=True)
def test_the_demo_runs_from_the_wheel(distribution: Path, project: Path) -> None:
    printed = run(distribution / "venv/bin/ttl-archive", "demo", cwd=project, PYTHONPATH=".")

    assert "314 expired = 314 delivered + 0 failed" in printed


@pytest.mark.parametrize(
    "project", ["a package", pytest.param("a plain folder", marks=pytest.mark.slow)], indirect=True
)
def test_the_construct_is_synthesised_from_the_wheel(distribution: Path, project: Path) -> None:
    python = distribution / "venv/bin/python"

    imported = run(python, "app.py", cwd=project, PYTHONPATH=".").strip()

    assert imported.startswith(str(distribution / "venv"))
    assert "AWS::KinesisFirehose::DeliveryStream" in (project / "cdk.out/mine.template.json").read_text()


def test_a_local_function_finds_the_package_and_no_room_as_a_top_level_module() -> None:
    """The function of this test is Python's own search for a module, with the event as the name."""
    with LambdaRuntime("importlib.util.find_spec") as function:
        assert function.invoke(b'"alarms"') == b"null"
        with pytest.raises(FunctionError, match="ModuleSpec"):
            function.invoke(b'"ttl_archive"')
