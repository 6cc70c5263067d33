"""An Athena that answers from a script. Source of the shapes: BC-athena."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import client_error

Cell = str | None


@dataclass
class ScriptedAthena:
    """Each query takes the next of `endings`: its states, the last of which stays.

    `refused` are error codes of calls to come, by operation. `rows` are pages of texts, without the header.
    """

    endings: list[Sequence[dict[str, Any]]] = field(default_factory=list)
    columns: Sequence[tuple[str, str]] = (("a", "varchar"),)
    rows: Sequence[Sequence[Sequence[Cell]]] = ((),)
    read_bytes: int = 0
    statement_type: str = "DML"
    refused: dict[str, list[str]] = field(default_factory=dict)
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    pages_read: int = 0
    name_execution: str = "execution-{}"
    _states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)  # also a call that is refused
        self._refuse("start_query_execution")
        execution = self.name_execution.format(len(self._states))
        self._states[execution] = list(self.endings.pop(0) if self.endings else [{"State": "SUCCEEDED"}])
        return {"QueryExecutionId": execution}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        self._refuse("get_query_execution")
        states = self._states[QueryExecutionId]
        status = states.pop(0) if len(states) > 1 else states[0]
        statistics = {"DataScannedInBytes": self.read_bytes}
        return {
            "QueryExecution": {
                "Status": status,
                "Statistics": statistics,
                "StatementType": self.statement_type,
            }
        }

    def stop_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        self.stopped.append(QueryExecutionId)
        self._states[QueryExecutionId] = [{"State": "RUNNING"}, {"State": "CANCELLED"}]
        return {}

    def get_query_results(
        self, *, QueryExecutionId: str, MaxResults: int, NextToken: str = "0"
    ) -> dict[str, Any]:
        assert MaxResults <= 1000
        self._refuse("get_query_results")
        self.pages_read += 1
        page = int(NextToken)
        rows = list(self.rows[page])
        if page == 0 and self.statement_type == "DML":
            rows.insert(0, [name for name, _ in self.columns])
        info = [_column_info(name, kind) for name, kind in self.columns]
        shown = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows]
        answer: dict[str, Any] = {"ResultSet": {"Rows": shown, "ResultSetMetadata": {"ColumnInfo": info}}}
        if page + 1 < len(self.rows):
            answer["NextToken"] = str(page + 1)
        return answer

    def _refuse(self, operation: str) -> None:
        if codes := self.refused.get(operation):
            raise client_error(codes.pop(0), operation.title().replace("_", ""))


def _column_info(name: str, kind: str) -> dict[str, Any]:
    base, _, numbers = kind.rstrip(")").partition("(")
    precision, _, scale = numbers.partition(",")
    return {"Name": name, "Type": base, "Precision": int(precision or 0), "Scale": int(scale or 0)}
