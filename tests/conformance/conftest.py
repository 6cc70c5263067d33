"""`pytest tests/conformance [--endpoint URL]`: one test for each recorded or documented answer of AWS.

Cases of the grades R and D fail the suite when an endpoint differs. Cases of S and ? are reported as xfailed.
What only AWS can settle, or an endpoint cannot show, is skipped as "not verified" and never passes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance.cases import ASSERTED, Case
from tests.conformance.endpoint import Endpoint
from tests.conformance.functions import HANDLERS
from tests.conformance.working_services import ACCOUNT, working_services

_OURS_WAIT_S, _OTHERS_WAIT_S = 30.0, 120.0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--endpoint", help="URL of the endpoint to test, or 'aws'. Default: ours, started here.")
    group.addoption("--role-arn", default=f"arn:aws:iam::{ACCOUNT}:role/r", help="Role of delivery streams.")
    group.addoption("--wait", type=float, help="Seconds to wait for a delivery.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(case): a row of the table of cases")


@pytest.fixture(scope="session")
def aws(pytestconfig: pytest.Config) -> Iterator[Endpoint]:
    """The endpoint under test."""
    url = pytestconfig.getoption("--endpoint", default=None)
    role = pytestconfig.getoption("--role-arn", default=f"arn:aws:iam::{ACCOUNT}:role/r")
    wait_s = pytestconfig.getoption("--wait", default=None)
    if url:
        endpoint = Endpoint(None if url == "aws" else url, False, role, wait_s or _OTHERS_WAIT_S)
        with endpoint.cleanup:
            yield endpoint
        return
    with working_services(HANDLERS) as (services, arns):
        endpoint = Endpoint(services.url, True, role, wait_s or _OURS_WAIT_S, services, arns)
        with endpoint.cleanup:
            yield endpoint


def _case(item: pytest.Item) -> Case | None:
    marker = item.get_closest_marker("case")
    return None if marker is None else marker.args[0]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Report a difference of a case that is not asserted as an expected failure."""
    case = _case(pyfuncitem)
    try:
        return (yield)
    except (AssertionError, ClientError, BotoCoreError, KeyError) as error:
        if case is None or case.grade in ASSERTED:
            raise
        pytest.xfail(f"differs, and grade {case.grade} is not asserted: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    case = _case(item)
    if case is not None and (report.when == "call" or report.outcome != "passed"):
        report.user_properties.append(("case", case.case_id))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the results where the summary is written, from workers too."""
    for name, value in report.user_properties:
        if name == "case":
            _found[str(value)] = _result(report)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write one line a case when this suite alone is run."""
    is_alone = terminalreporter.config.getoption("--endpoint", default=_ABSENT) is not _ABSENT
    if _found and is_alone:
        terminalreporter.section("conformance")
        for case_id, result in sorted(_found.items(), key=_order):
            terminalreporter.write_line(f"{case_id:5} {result}")


_found: dict[str, str] = {}
_ABSENT = object()  # pytest loads the options of this folder only when the folder is named


def _result(report: pytest.TestReport) -> str:
    if report.skipped and hasattr(report, "wasxfail"):
        return "differs (not asserted)"
    if report.skipped and isinstance(report.longrepr, (tuple, list)):  # a list when a worker sent it
        return report.longrepr[2].removeprefix("Skipped: ")  # "not verified: " and the reason
    return {"passed": "same", "failed": "differs"}[report.outcome]


def _order(entry: tuple[str, str]) -> tuple[str, int, str]:
    digits = "".join(filter(str.isdigit, entry[0]))
    return entry[0][0], int(digits), entry[0]
