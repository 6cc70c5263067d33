"""`pytest tests/aws [--aws]`: observe what only AWS can settle; see README.md in this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.account import FUNCTION, MODES, Account
from tests.conformance.endpoint import Endpoint
from tests.conformance.working_services import ACCOUNT, working_services

_AWS_WAIT_S, _OURS_WAIT_S = 900.0, 60.0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aws")
    group.addoption(
        "--aws", action="store_true", help="Use your AWS account. It creates and deletes resources."
    )
    group.addoption("--record", type=Path, help="Write the observations to this JSON file.")
    group.addoption("--ttl-hours", type=float, default=0, help="Wait this long for a TTL removal.")
    group.addoption("--only-cleanup", action="store_true", help="Delete what an earlier run left, and stop.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--only-cleanup", default=False):
        account = Account(Endpoint(None, False, "", _AWS_WAIT_S).client)
        print("deleted:", *account.remove_resources(), *account.clean_up())
        items.clear()


@pytest.fixture(scope="session")
def probed(pytestconfig: pytest.Config) -> Iterator[Endpoint]:
    """AWS with the functions of the probes, or our services with the same functions."""
    if not pytestconfig.getoption("--aws", default=False):
        with working_services(_handlers()) as (services, arns):
            role = f"arn:aws:iam::{ACCOUNT}:role/r"
            ours = Endpoint(services.url, True, role, _OURS_WAIT_S, services, arns)
            with ours.cleanup:
                yield ours
        return
    aws = Endpoint(None, False, "", _AWS_WAIT_S)
    account = Account(aws.client)
    with aws.cleanup:
        aws.cleanup.callback(account.clean_up)
        aws.role_arn = account.create_role()
        aws.function_arns = account.create_functions(aws.role_arn)
        yield aws


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
