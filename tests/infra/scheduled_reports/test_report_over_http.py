"""The function of the reports over a real S3 client: uploads from disk, conditions, metadata and listings."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.infra.query.scripted_athena import ScriptedAthena
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.scheduled_reports.results.reports_handler import ReportContext, answer_report

CONFIG = {
    "bucket": "report-archive",
    "table": "devices",
    "folder": "reports/devices/",
    "day_folder": "archive/devices/dt=",
    "reports": {"failed": {"every": "day", "parameters": ["'{first_day}'"], "topic": "arn"}},
}
INPUT = {"report": "failed", "scheduled_time": "2026-12-01T06:00:00Z"}
ROWS = 2500


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with Emulator() as emulator:
        client = emulator.client("s3")
        for bucket in ("report-archive", "report-results"):
            client.create_bucket(Bucket=bucket)
        client.put_object(
            Bucket="report-archive", Key="archive/devices/dt=2026-11-30/x", Body=b"x", StorageClass="GLACIER"
        )
        yield client


def test_a_report_is_written_once(s3: Any) -> None:
    pages = [[[f"a{number}"] for number in range(start, start + 500)] for start in range(0, ROWS, 500)]
    athena = ScriptedAthena(rows=pages)
    clients = {"s3": s3, "athena": athena}
    context = ReportContext(clients.__getitem__, lambda: 900.0, datetime(2026, 12, 1, 6, tzinfo=UTC))
    csv = b'"a"\n' + b"".join(f'"a{number}"\n'.encode() for number in range(ROWS))
    query = {"id": "execution-0", "location": "s3://report-results/execution-0.csv"}
    s3.put_object(Bucket="report-results", Key="execution-0.csv", Body=csv)

    plan = answer_report({"action": "plan", "config": CONFIG, "input": INPUT}, context)
    assert (plan["next"], plan["unread"], plan["parameters"]) == ("query", 1, ["'2026-11-30'"])
    write = {"action": "write", "config": CONFIG, "plan": plan, "query": query}
    assert answer_report(write, context) == answer_report(write, context)  # as Step Functions tries again

    found = {key: s3.get_object(Bucket="report-archive", Key=plan[key]) for key in ("csv", "json")}
    assert found["csv"]["Body"].read() == csv
    assert {each["Metadata"]["query-execution-id"] for each in found.values()} == {"execution-0"}
    document = json.loads(found["json"]["Body"].read())
    assert (document["row_count"], document["rows"][0], document["rows"][-1]) == (ROWS, ["a0"], ["a2499"])
    again = {"action": "plan", "config": CONFIG, "input": INPUT}
    assert answer_report(again, context)["next"] == "done"
