"""DynamoDB's export API in memory, strict about windows, tokens and recovery, on a clock of its own.

Source of the rules: DynamoDB API Reference, ExportTableToPointInTime; scylladb/scylladb:test/alternator/
test_export.py (window and token errors).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.infra.states_language import StatesError

START = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)


def text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class FakeExports:
    """`lag` is how far the latest possible end is behind now; the first `failing` exports end as FAILED."""

    now: datetime = START
    earliest: datetime = START - timedelta(days=35)
    recovery: str = "ENABLED"
    lag: timedelta = timedelta(minutes=5)
    failing: int = 0
    takes: timedelta = timedelta(minutes=11)
    by_token: dict[str, dict[str, Any]] = field(default_factory=dict)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def sdk(self) -> dict[str, Any]:
        """The calls by the names of the SDK integration."""
        return {
            "dynamodb:describeContinuousBackups": self.describe_backups,
            "dynamodb:exportTableToPointInTime": self.export,
            "dynamodb:describeExport": self.describe,
        }

    def describe_backups(self, call: dict[str, Any]) -> dict[str, Any]:
        found = {"PointInTimeRecoveryStatus": self.recovery}
        if self.recovery == "ENABLED":
            found |= {"EarliestRestorableDateTime": text(self.earliest)}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": found}}

    def export(self, call: dict[str, Any]) -> dict[str, Any]:
        known = self.by_token.get(call["ClientToken"])
        if known is not None:
            if known["call"] != call:
                raise StatesError("DynamoDb.ExportConflictException", "Duplicate request detected")
            return {"ExportDescription": {"ExportArn": known["arn"], "ExportStatus": "IN_PROGRESS"}}
        self._check(call)
        arn = f"{call['TableArn']}/export/{len(self.by_token):014d}-0a1b2c3d"
        self.failing -= 1
        ends = "FAILED" if self.failing >= 0 else "COMPLETED"
        self.by_token[call["ClientToken"]] = {"call": call, "arn": arn, "ends": ends, "since": self.now}
        return {"ExportDescription": {"ExportArn": arn, "ExportStatus": "IN_PROGRESS"}}

    def describe(self, call: dict[str, Any]) -> dict[str, Any]:
        (found,) = (each for each in self.by_token.values() if each["arn"] == call["ExportArn"])
        status = found["ends"] if self.now >= found["since"] + self.takes else "IN_PROGRESS"
        description = {"ExportArn": found["arn"], "ExportStatus": status}
        if status == "FAILED":
            description |= {"FailureCode": "S3NoSuchBucket", "FailureMessage": "The bucket does not exist"}
        return {"ExportDescription": description}

    def windows(self) -> list[tuple[str, str]]:
        """Start and end of every incremental export that was completed, in the order of their requests."""
        completed = [each["call"] for each in self.by_token.values() if each["ends"] == "COMPLETED"]
        specifications = [call["IncrementalExportSpecification"] for call in completed]
        return [(window["ExportFromTime"], window["ExportToTime"]) for window in specifications]

    def _check(self, call: dict[str, Any]) -> None:
        assert self.recovery == "ENABLED"
        assert len(call["ClientToken"]) <= 36
        window = call.get("IncrementalExportSpecification")
        end = datetime.fromisoformat(window["ExportToTime"] if window else call["ExportTime"])
        times = [end]
        if window:
            start = datetime.fromisoformat(window["ExportFromTime"])
            times.append(start)
            if not timedelta(minutes=15) <= end - start <= DAY:
                raise StatesError("DynamoDb.InvalidExportTimeException", "Difference between export period")
        if min(times) < self.earliest or end > self.now - self.lag:
            raise StatesError("DynamoDb.InvalidExportTimeException", "outside of the recovery period")
