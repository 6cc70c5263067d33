"""The custom resource of the views: create, update, rollback and delete as ordered lists of statements.

The Athena of these tests keeps views and checks a new one as Athena does: what it reads must exist, with the
columns that it names.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlglot
from sqlglot import expressions as exp

from tests.fakes import client_error
from tests.infra.stacks import settings_of
from tests.infra.templates import Template
from ttl_archive.infra.athena_views.athena_query import ATTEMPTS
from ttl_archive.infra.athena_views.view_changes import decode_views, encode_views
from ttl_archive.infra.athena_views.views_handler import handler
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.errors_relation import ERROR_KEYS
from ttl_archive.infra.sql.relations import RELATIONS, relations
from ttl_archive.infra.sql.text_table import archive_text_columns
from ttl_archive.transform.settings import Settings, parse

Failure = Mapping[str, Any]


@dataclass
class FakeAthena:
    """Views by name with their columns. Each statement takes `looks` looks; `failures` are states to come."""

    tables: dict[str, list[str]]
    views: dict[str, list[str]] = field(default_factory=dict)
    looks: int = 2
    refuse: list[str] = field(default_factory=list)  # error codes of calls to come
    failures: list[Failure] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)  # those that were run, the first words of each
    tokens: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, list[Failure]] = field(default_factory=dict)

    def start_query_execution(
        self, *, QueryString: str, ClientRequestToken: str, QueryExecutionContext: Any, WorkGroup: str
    ) -> dict[str, str]:
        assert 32 <= len(ClientRequestToken) <= 128  # Source: BC-athena, IdempotencyToken
        assert (QueryExecutionContext, WorkGroup) == ({"Database": "archives"}, "group")
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


@dataclass
class Context:
    """Time that passes by waiting alone, in seconds."""

    left_s: float = 600

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left_s * 1000)

    def pause(self, seconds: float) -> None:
        self.left_s -= seconds


def settings(*columns: dict[str, str]) -> Settings:
    return parse(
        {"table": {"name": "devices", "ttl_attribute": "ttl", "keys": ["id"]}, "columns": list(columns)}
    )


def tables(chosen: Settings) -> dict[str, list[str]]:
    """Glue's tables, which the stack updates before the views."""
    columns = [column.name for column in archive_text_columns(chosen)]
    return {"archive_files": [*columns, "dt"], "error_files": [*ERROR_KEYS, "$path"]}


def properties(views: Mapping[str, str]) -> dict[str, str]:
    return {"Database": "archives", "Workgroup": "group", "Views": encode_views(views)}


def request(
    athena: FakeAthena,
    kind: str,
    views: Mapping[str, str],
    old: Mapping[str, str] | None = None,
    request_id: str = "",
    context: Context | None = None,
) -> dict[str, Any]:
    """Send one request of CloudFormation and return the response."""
    context, sent = context or Context(), []
    event = {
        "RequestType": kind,
        "ResponseURL": "https://responses.example/1",
        "StackId": "stack",
        "RequestId": request_id or kind,
        "LogicalResourceId": "Relations",
        "ResourceProperties": properties(views),
    }
    event |= {"OldResourceProperties": properties(old)} if old is not None else {}
    send: Callable[[str, bytes], None] = lambda url, body: sent.append(json.loads(body))  # noqa: E731
    handler(event, context, athena, send, context.pause)
    (response,) = sent
    return dict(response)


CREATED = [f"CREATE OR REPLACE VIEW {name}" for name in RELATIONS]
DROPPED = [f"DROP VIEW IF EXISTS {name}" for name in reversed(RELATIONS)]
BEFORE = settings({"name": "id"}, {"name": "temperature", "type": "double"})
CHANGES = {
    "added": settings({"name": "id"}, {"name": "temperature", "type": "double"}, {"name": "place"}),
    "renamed": settings({"name": "id"}, {"name": "celsius", "path": "temperature", "type": "double"}),
    "retyped": settings({"name": "id"}, {"name": "temperature", "type": "decimal(5,1)"}),
    "removed": settings({"name": "id"}),
}


def sql(chosen: Settings) -> dict[str, str]:
    return relations(chosen, AthenaDialect())


def created(chosen: Settings = BEFORE) -> FakeAthena:
    """An Athena with the views of a first deployment."""
    athena = FakeAthena(tables(chosen))
    assert request(athena, "Create", sql(chosen))["Status"] == "SUCCESS"
    athena.statements.clear()
    return athena


def test_the_views_are_created_in_order_each_after_the_one_it_reads() -> None:
    athena = FakeAthena(tables(BEFORE))
    response = request(athena, "Create", sql(BEFORE))

    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", "views of archives")
    assert athena.statements == CREATED
    assert list(athena.views) == list(RELATIONS)


@pytest.mark.parametrize("change", CHANGES)
def test_an_update_replaces_every_view_and_a_rollback_brings_the_old_ones_back(change: str) -> None:
    athena, after = created(), CHANGES[change]
    first = {name: list(columns) for name, columns in athena.views.items()}

    athena.tables = tables(after)
    assert request(athena, "Update", sql(after), sql(BEFORE), "request-2")["Status"] == "SUCCESS"
    assert athena.statements == CREATED
    assert [set(columns) for columns in athena.views.values()] != [set(c) for c in first.values()] or (
        change == "retyped"
    )

    athena.statements.clear()
    athena.tables = tables(BEFORE)
    assert request(athena, "Update", sql(BEFORE), sql(after), "request-3")["Status"] == "SUCCESS"
    assert athena.statements == CREATED
    assert athena.views == first


def test_an_update_that_fails_half_way_is_rolled_back_to_all_four_views() -> None:
    athena, after = created(), CHANGES["renamed"]
    first = dict(athena.views)
    athena.tables = tables(after)
    athena.failures = [
        {"State": "SUCCEEDED"},
        {
            "State": "FAILED",
            "StateChangeReason": "SYNTAX_ERROR: line 1:8",
            "AthenaError": {"Retryable": False},
        },
    ]
    response = request(athena, "Update", sql(after), sql(BEFORE), "request-2")

    assert response["Status"] == "FAILED"
    assert response["Reason"] == "CREATE OR REPLACE VIEW archive_unique: FAILED: SYNTAX_ERROR: line 1:8"
    assert athena.statements == CREATED[:2]
    athena.tables = tables(BEFORE)
    assert request(athena, "Update", sql(BEFORE), sql(after), "request-3")["Status"] == "SUCCESS"
    assert athena.views == first


def test_a_view_that_is_no_more_wanted_is_dropped_after_the_others_are_replaced() -> None:
    athena = created()
    wanted = {name: text for name, text in sql(BEFORE).items() if name != "archive_latest"}
    request(athena, "Update", wanted, sql(BEFORE), "request-2")

    assert athena.statements == [
        *(statement for statement in CREATED if "latest" not in statement),
        "DROP VIEW IF EXISTS archive_latest",
    ]


def test_a_deletion_drops_the_views_in_the_opposite_order() -> None:
    athena = created()

    assert request(athena, "Delete", sql(BEFORE))["Status"] == "SUCCESS"
    assert athena.statements == DROPPED
    assert athena.views == {}
    assert request(athena, "Delete", sql(BEFORE), request_id="again")["Status"] == "SUCCESS"


def test_a_deletion_never_keeps_the_stack_and_the_next_stack_can_be_created(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What stays is replaced by the next stack, or goes with its database."""
    athena = created()
    athena.refuse = ["AccessDeniedException"]
    athena.failures = [
        {"State": "FAILED", "StateChangeReason": "no right", "AthenaError": {"Retryable": False}}
    ]

    assert request(athena, "Delete", sql(BEFORE))["Status"] == "SUCCESS"
    log = capsys.readouterr().out
    assert "AccessDeniedException" in log
    assert "DROP VIEW IF EXISTS archive_latest: FAILED: no right" in log
    assert athena.statements == DROPPED[1:]
    assert set(athena.views) == {"errors", "archive_latest"}
    assert request(athena, "Create", sql(BEFORE), request_id="next")["Status"] == "SUCCESS"
    assert set(athena.views) == set(RELATIONS)


def test_after_a_failed_creation_the_deletion_succeeds() -> None:
    athena = FakeAthena({})  # the tables are missing
    response = request(athena, "Create", sql(BEFORE))

    assert response["Status"] == "FAILED"
    assert response["Reason"].endswith("FAILED: Table archive_files does not exist")
    assert request(athena, "Delete", sql(BEFORE), request_id="2")["Status"] == "SUCCESS"


def test_what_passes_is_tried_again() -> None:
    athena = FakeAthena(tables(BEFORE), refuse=["TooManyRequestsException", "ThrottlingException"])
    athena.failures = [
        {"State": "FAILED", "StateChangeReason": "internal", "AthenaError": {"Retryable": True}}
    ]

    assert request(athena, "Create", sql(BEFORE))["Status"] == "SUCCESS"
    assert athena.statements == [CREATED[0], *CREATED]


def test_what_does_not_pass_fails_after_some_attempts() -> None:
    athena = FakeAthena(tables(BEFORE), refuse=["TooManyRequestsException"] * ATTEMPTS)
    response = request(athena, "Create", sql(BEFORE))

    assert response["Status"] == "FAILED"
    assert "CREATE OR REPLACE VIEW archive: " in response["Reason"]
    assert "TooManyRequestsException" in response["Reason"]


def test_a_refused_call_fails_at_once() -> None:
    athena = FakeAthena(tables(BEFORE), refuse=["AccessDeniedException", "AccessDeniedException"])

    assert "AccessDeniedException" in request(athena, "Create", sql(BEFORE))["Reason"]
    assert athena.refuse == ["AccessDeniedException"]


def test_a_cancelled_statement_says_so_even_without_a_reason() -> None:
    athena = FakeAthena(tables(BEFORE), failures=[{"State": "CANCELLED"}])

    assert request(athena, "Create", sql(BEFORE))["Reason"] == (
        "CREATE OR REPLACE VIEW archive: CANCELLED: Athena gives no reason"
    )


def test_a_statement_that_does_not_end_is_reported_in_time() -> None:
    athena = FakeAthena(tables(BEFORE), failures=[{"State": "RUNNING"}])
    response = request(athena, "Create", sql(BEFORE), context=Context(70))

    assert response["Status"] == "FAILED"
    assert response["Reason"] == (
        "CREATE OR REPLACE VIEW archive: no time is left to wait; it is still RUNNING. Deploy again."
    )


def test_the_same_request_twice_runs_nothing_twice() -> None:
    """CloudFormation may deliver a request again; Athena returns the executions of before."""
    athena = FakeAthena(tables(BEFORE))
    for _ in range(2):
        assert request(athena, "Create", sql(BEFORE))["Status"] == "SUCCESS"

    assert athena.statements == CREATED


def test_the_stack_has_the_views_of_its_settings(template: Template, case: str) -> None:
    resource = template.one("Custom::AthenaViews")
    (name,) = template.ids("Custom::AthenaViews")

    assert decode_views(resource["Views"]) == sql(settings_of(case))
    depends = template.resources[name]["DependsOn"]
    needed = [*template.ids("AWS::Glue::Table"), *template.ids("AWS::Athena::WorkGroup")]
    assert set(needed) <= set(depends)
