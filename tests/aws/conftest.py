"""`pytest tests/aws [--aws]`: observe what only AWS can settle; see README.md in this folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.aws.account import FUNCTION, MODES, Account
from tests.aws.athena_archive import AthenaArchive, AthenaClients
from tests.aws.cleanup import LeftBehindError, remove_everything
from tests.aws.local_athena import LocalAthena
from tests.conformance.endpoint import Endpoint
from tests.conformance.working_services import ACCOUNT, working_services
from ttl_archive.transform.settings import Settings

_AWS_WAIT_S, _OURS_WAIT_S = 900.0, 60.0
_LAST = "test_U3_"  # a TTL removal takes hours, in which the other probes run


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aws")
    group.addoption(
        "--aws", action="store_true", help="Use your AWS account. It creates and deletes resources."
    )
    group.addoption("--record", type=Path, help="Write the observations to this JSON file.")
    group.addoption(
        "--ttl-hours", type=float, default=4, help="Wait this long for a TTL removal. [default: 4]"
    )
    group.addoption("--only-cleanup", action="store_true", help="Delete what an earlier run left, and stop.")


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    if config.getoption("--only-cleanup", default=False):
        try:
            pytest.exit(f"Deleted: {', '.join(_clean_up()) or 'nothing was left'}", returncode=0)
        except LeftBehindError as error:
            pytest.exit(str(error), returncode=1)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Run the probe of the TTL removal at the end, whatever the order of the others."""
    session.items.sort(key=lambda item: item.name.startswith(_LAST))


@pytest.fixture(scope="session")
def is_aws(pytestconfig: pytest.Config) -> bool:
    """Whether the probes run in an account."""
    return bool(pytestconfig.getoption("--aws", default=False))


@pytest.fixture(scope="session")
def probed(is_aws: bool) -> Iterator[Endpoint]:
    """AWS with the functions of the probes, or our services with the same functions."""
    if not is_aws:
        with working_services(_handlers()) as (services, arns):
            role = f"arn:aws:iam::{ACCOUNT}:role/r"
            ours = Endpoint(services.url, True, role, _OURS_WAIT_S, services, arns)
            with ours.cleanup:
                yield ours
        return
    try:
        aws = Endpoint(None, False, "", _AWS_WAIT_S)
        with aws.cleanup:
            account = Account(aws.client)
            aws.role_arn = account.create_role()
            aws.function_arns = account.create_functions(aws.role_arn)
            yield aws
    finally:
        _clean_up()


def _clean_up() -> list[str]:
    aws = Endpoint(None, False, "", _AWS_WAIT_S)
    with aws.cleanup:
        return remove_everything(aws.client)


@pytest.fixture
def new_archive(
    probed: Endpoint, is_aws: bool, tmp_path: Path
) -> Iterator[Callable[[Settings], AthenaArchive]]:
    """A function that creates an archive in Athena, or in our stand-in."""
    with ExitStack() as stack:

        def create(settings: Settings) -> AthenaArchive:
            if is_aws:
                clients = AthenaClients(probed.client("athena"), probed.client("glue"))
            else:
                local = LocalAthena(settings, lambda location: _fetch(probed, location, tmp_path))
                stack.callback(local.close)
                clients = AthenaClients(local, local)
            return AthenaArchive(probed, clients, settings)

        yield create


def _fetch(probed: Endpoint, location: str, folder: Path) -> list[Path]:
    """Download the objects below an S3 address."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    s3, files = probed.client("s3"), []
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ()):
        files.append(folder / entry["Key"])
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, entry["Key"], str(files[-1]))
    return files


@pytest.fixture(scope="session")
def observations(pytestconfig: pytest.Config) -> Iterator[dict[str, Any]]:
    """What was seen, by the number that the question has in the register."""
    seen: dict[str, Any] = {}
    yield seen
    if file := pytestconfig.getoption("--record", default=None):
        file.write_text(json.dumps(seen, indent=2, default=str) + "\n", encoding="utf-8")


def _handlers() -> dict[str, Any]:
    """The functions that an account gets, from the same source."""
    module: dict[str, Any] = {}
    exec(compile(FUNCTION, "probe.py", "exec"), module)
    return {mode: _named(module["answer"], mode) for mode in MODES}


def _named(answer: Any, mode: str) -> Any:
    return lambda event, _: {"records": [answer(mode, record) for record in event["records"]]}
