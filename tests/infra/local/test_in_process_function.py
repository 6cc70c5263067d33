"""Our functions without AWS's Lambda runtime client, as on macOS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.transform.builders import change, encoded, event
from tests.transform.fakes_reingest import FakeService
from ttl_archive.infra.local.firehose.function import FunctionError
from ttl_archive.infra.local.in_process_function import (
    InProcessFunction,
    has_runtime_client,
    in_process_transform,
)

CONFIG = '[table]\nname = "devices"\nttl_attribute = "ttl"\n'
# The command as it runs where the package cannot be imported.
DEMO = """
import sys
sys.modules["awslambdaric"] = None
from ttl_archive.infra.cli import main
main()
"""


@pytest.fixture
def kinesis() -> FakeService:
    return FakeService()


@pytest.fixture
def function(tmp_path: Path, kinesis: FakeService) -> InProcessFunction:
    (tmp_path / "archive.toml").write_text(CONFIG)
    return in_process_transform(tmp_path / "archive.toml", kinesis)


def invoke(function: InProcessFunction, *records: bytes) -> list[str]:
    response = json.loads(function.invoke(json.dumps(event(*records)).encode()))
    return [record["result"] for record in response["records"]]


def test_the_results_are_those_of_the_transform(function: InProcessFunction) -> None:
    assert invoke(function, encoded(change()), b"not JSON") == ["Ok", "ProcessingFailed"]


def test_its_log_is_kept_and_not_printed(
    function: InProcessFunction, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(function, encoded(change()))

    assert capsys.readouterr().out == ""
    (line,) = map(json.loads, function.logs())
    assert line["RecordsDelivered"] == 1


def test_a_restart_reads_the_settings_again(function: InProcessFunction, tmp_path: Path) -> None:
    (tmp_path / "archive.toml").write_text(CONFIG.replace("devices", "others"))
    before = invoke(function, encoded(change()))

    function.restart()

    assert (before, invoke(function, encoded(change()))) == (["Ok"], ["ProcessingFailed"])


def test_rows_over_the_response_limit_go_back_to_the_stream(
    function: InProcessFunction, kinesis: FakeService
) -> None:
    records = [encoded(change({"text": {"S": "x" * 390_000}, "number": {"N": str(n)}})) for n in range(8)]

    results = invoke(function, *records)

    assert set(results) == {"Ok", "Dropped"}
    assert [data for data, _ in kinesis.taken] == records[results.index("Dropped") :]


def test_a_request_over_the_limit_is_refused(function: InProcessFunction) -> None:
    with pytest.raises(FunctionError, match="6291456 bytes"):
        function.invoke(bytes(6_291_457))


def test_the_runtime_client_is_used_where_it_is_installed() -> None:
    assert has_runtime_client()


@pytest.mark.slow
@pytest.mark.parametrize("road", ["kinesis", "streams"])
def test_the_demo_runs_without_the_runtime_client_and_says_so(road: str) -> None:
    command = [sys.executable, "-c", DEMO, "demo", "--json", "--road", road]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)

    assert done.returncode == 0, done.stderr
    assert "The function runs in" in done.stderr
    ledger = json.loads(done.stdout)["ledger_after_replay"]
    assert (ledger["delivered"], ledger["failed"]) == (314, 0)
