"""The synthesised matrix, made once in a test run by the first worker that needs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.locks import alone
from tests.infra.stacks import CASES, deploy_of
from tests.infra.templates import Template
from tests.infra.update_matrix import SYNTHESISED
from ttl_archive.infra import lambda_wheels

ROOT = Path(__file__).parents[2]
CACHE = ROOT / lambda_wheels.CACHE


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with cdk.out and a plain template for each case."""
    return _synthesised_once(tmp_path_factory, "tests.infra.stacks", "infra-stacks")


def _synthesised_once(tmp_path_factory: pytest.TempPathFactory, module: str, name: str) -> Path:
    """Run a module that synthesises into a folder, once for all workers; return the folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / name
    with alone(shared / f"{name}.lock"):
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            command = [sys.executable, "-m", module, str(folder)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
            (folder / "done").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture(scope="session")
def templates(synthesised: Path) -> dict[str, Template]:
    """Every case's template."""
    return {case: Template(json.loads((synthesised / f"{case}.json").read_text())) for case in CASES}


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Template, Template]]:
    """The templates before and after each change of the update matrix."""
    folder = _synthesised_once(tmp_path_factory, "tests.infra.update_matrix", "update-matrix")
    read = lambda name, when: Template(json.loads((folder / f"{name}.{when}.json").read_text()))  # noqa: E731
    return {name: (read(name, "before"), read(name, "after")) for name in SYNTHESISED}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> str:
    """The name of each case in turn."""
    return str(request.param)


@pytest.fixture
def template(templates: dict[str, Template], case: str) -> Template:
    """Each case's template in turn."""
    return templates[case]


@pytest.fixture(params=[case for case in CASES if deploy_of(case).source == "kinesis"])
def kinesis_case(request: pytest.FixtureRequest) -> str:
    """The name of each case that has the Kinesis road alone, in turn."""
    return str(request.param)


@pytest.fixture
def kinesis_template(templates: dict[str, Template], kinesis_case: str) -> Template:
    """The template of each case that has the Kinesis road alone, in turn."""
    return templates[kinesis_case]


@pytest.fixture(params=[case for case in CASES if deploy_of(case).streams_road])
def streams_case(request: pytest.FixtureRequest) -> str:
    """The name of each case that has the Streams road, in turn."""
    return str(request.param)


@pytest.fixture
def streams_template(templates: dict[str, Template], streams_case: str) -> Template:
    """The template of each case that has the Streams road, in turn."""
    return templates[streams_case]


@pytest.fixture
def defaults(templates: dict[str, Template]) -> Template:
    """The template of the configuration that sets nothing."""
    return templates["defaults"]


@pytest.fixture(scope="session")
def wheels() -> list[Path]:
    """The versions of the lock file, for this machine and this Python; downloaded once, kept under build/."""
    folder = CACHE / f"here-{sys.version_info.major}{sys.version_info.minor}"
    requirements = [f"{wheel.name}=={wheel.version}" for wheel in lambda_wheels.read_lock("arm64")]
    with alone(CACHE / "lock"):
        if len(list(folder.glob("*.whl"))) < len(requirements):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}"]
            subprocess.run([*command, "--only-binary=:all:", *requirements], check=True)
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def arm64_wheels() -> list[Path]:
    """For Lambda on arm64, where `ttl-archive synth` keeps them."""
    with alone(CACHE / "lock"):
        return lambda_wheels.fetch("arm64", CACHE)


@pytest.fixture(scope="session")
def x86_64_wheels() -> list[Path]:
    """For Lambda on x86_64."""
    with alone(CACHE / "lock"):
        return lambda_wheels.fetch("x86_64", CACHE)
