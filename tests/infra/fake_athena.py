"""An Athena that keeps views and checks a new one: what it reads must exist, with the columns that it names.

Source of the states and of AthenaError: BC-athena, GetQueryExecution.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import expressions as exp

from tests.fakes import client_error

Failure = Mapping[str, Any]


@dataclass
class FakeAthena:
    """Views by name with their columns. Each statement takes `looks` looks; `failures` are states to come."""

    tables: dict[str, list[str]] = field(default_factory=dict)
    views: dict[str, list[str]] = field(default_factory=dict)
    looks: int = 2
    refuse: list[str] = field(default_factory=list)  # error codes of calls to come
    failures: list[Failure] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)  # those that were run, the first words of each
    contexts: set[tuple[str, str]] = field(default_factory=set)  # databases and workgroups
    tokens: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, list[Failure]] = field(default_factory=dict)

    def start_query_execution(
        self, *, QueryString: str, ClientRequestToken: str, QueryExecutionContext: Any, WorkGroup: str
    ) -> dict[str, str]:
        assert 32 <= len(ClientRequestToken) <= 128  # Source: BC-athena, IdempotencyToken
        self.contexts.add((QueryExecutionContext["Database"], WorkGroup))
        if self.refuse:
            raise client_error(self.refuse.pop(0), "StartQueryExecution")
        if ClientRequestToken in self.tokens:  # the same token returns the old execution and runs nothing
            return {"QueryExecutionId": self.tokens[ClientRequestToken]}
        execution = f"execution-{len(self.tokens)}"
        self.tokens[ClientRequestToken] = execution
        states: list[Failure] = [{"State": "QUEUED"}, {"State": "RUNNING"}][: self.looks]
        self.waiting[execution] = [*states, self._run(QueryString)]
        return {"QueryExecutionId": execution}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        states = self.waiting[QueryExecutionId]
        status = states.pop(0) if len(states) > 1 else states[0]
        return {"QueryExecution": {"Status": status}}

    def _run(self, text: str) -> Failure:
        self.statements.append(" ".join(text.split()[:5]).removesuffix(" AS"))
        if self.failures:
            return self.failures.pop(0)
        parsed = sqlglot.parse_one(text, dialect="athena")
        name = parsed.find(exp.Table).name
        if isinstance(parsed, exp.Drop):
            self.views.pop(name, None)
            return {"State": "SUCCEEDED"}
        return self._create(name, parsed.expression)

    def _create(self, name: str, select: Any) -> Failure:
        own = {table.alias for table in select.find_all(exp.CTE)}
        for table in select.find_all(exp.Table):
            if table.name not in own and table.name not in self.tables | self.views:
                return {"State": "FAILED", "StateChangeReason": f"Table {table.name} does not exist"}
        known = {column for names in (self.tables | self.views).values() for column in names}
        named = {alias.alias for alias in select.find_all(exp.Alias)}
        for column in select.find_all(exp.Column):
            if column.name not in known | named:
                return {"State": "FAILED", "StateChangeReason": f"Column {column.name} does not exist"}
        self.views[name] = select.named_selects
        return {"State": "SUCCEEDED"}
