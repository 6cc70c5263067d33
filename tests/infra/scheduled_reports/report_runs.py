"""Runs of the reports' state machine over an Athena that answers from a script, and a bucket in memory."""

import csv
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from tests.infra.query.scripted_athena import ScriptedAthena
from tests.infra.states_language import StateMachine, StatesError
from tests.replay.bucket import Bucket
from ttl_archive.infra.query.athena_runner import ENDED_STATES
from ttl_archive.infra.scheduled_reports.results.reports_handler import ReportContext, answer_report

FIRST_RUN = "2026-12-01T06:00:00Z"
PLENTY_S = 900.0


def scripted_athena(**script: Any) -> ScriptedAthena:
    """An Athena whose query ids have the form of UUIDs."""
    return ScriptedAthena(name_execution="11111111-2222-3333-4444-{:012}", **script)


@dataclass
class ReportRuns:
    """The state machine of a definition. `published` are the messages of its topics."""

    definition: dict[str, Any]
    athena: ScriptedAthena = field(default_factory=scripted_athena)
    bucket: Bucket = field(default_factory=Bucket)
    published: list[dict[str, str]] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)
    time_left_s: float = PLENTY_S
    now: datetime = datetime(2027, 6, 1, tzinfo=UTC)
    publish_errors: list[str] = field(default_factory=list)

    def run(self, report: str, scheduled: str = FIRST_RUN, **more: Any) -> Any:
        """Run an execution to its end. Raises StatesError."""
        return self.machine().start({"report": report, "scheduled_time": scheduled, **more})

    def machine(self) -> StateMachine:
        """The state machine with the real function."""
        name = self.definition["States"]["Plan"]["Parameters"]["FunctionName"]
        sdk = {"athena:startQueryExecution.sync": self._query, "sns:publish": self._publish}
        return StateMachine(self.definition, self.bucket, {name: self.function}, sdk, self.waited.append)

    def function(self, event: dict[str, Any]) -> Any:
        """Call the function with its clients."""
        clients = {"s3": self.bucket, "athena": self.athena}
        context = ReportContext(clients.__getitem__, lambda: self.time_left_s, self.now)
        return answer_report(event, context)

    def document(self, key: str) -> Any:
        """The JSON object with this key."""
        return json.loads(self.bucket.objects[key].body)

    def _query(self, call: dict[str, Any]) -> dict[str, Any]:
        """Start the query and wait, as Step Functions does; a query that fails fails the task."""
        try:
            query_id = self.athena.start_query_execution(**call)["QueryExecutionId"]
        except ClientError as error:
            raise StatesError(f"Athena.{error.response['Error']['Code']}", str(error)) from error
        found = {"State": "QUEUED"}
        while found["State"] not in ENDED_STATES:
            found = self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        location = f"s3://results/{query_id}.csv"
        execution = {"QueryExecutionId": query_id, "ResultConfiguration": {"OutputLocation": location}}
        if found["State"] != "SUCCEEDED":
            raise StatesError("States.TaskFailed", json.dumps(execution | {"Status": found}))
        self.bucket.fill(f"{query_id}.csv", self._csv())
        return {"QueryExecution": execution}

    def _csv(self) -> bytes:
        """The file as Athena writes it: every value in quotes, and nothing for a NULL."""
        out = io.StringIO()
        quoted = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="")
        lines = [
            [name for name, _ in self.athena.columns],
            *(row for page in self.athena.rows for row in page),
        ]
        for row in lines:
            for number, cell in enumerate(row):
                out.write("," if number else "")
                if cell is not None:
                    quoted.writerow([cell])
            out.write("\n")
        return out.getvalue().encode()

    def _publish(self, call: dict[str, str]) -> dict[str, str]:
        assert call["Subject"].isascii()
        assert len(call["Subject"]) <= 100  # Source: Amazon SNS API Reference, Publish
        if self.publish_errors:
            raise StatesError(self.publish_errors.pop(0))
        self.published.append(call)
        return {"MessageId": "1"}
