"""The custom resource of the views: create, update, rollback and delete as ordered lists of statements.

The statements run in `FakeAthena`, which refuses a view whose tables or columns do not exist.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.infra.cloudformation import Stack, StackFailedError
from tests.infra.fake_athena import FakeAthena
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
    assert athena.contexts == {("archives", "group")}


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
    assert "DROP VIEW IF EXISTS archive_history: FAILED: no right" in log
    assert athena.statements == DROPPED[1:]
    assert set(athena.views) == {"errors", "archive_history"}
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


# The whole stack, in CloudFormation's order


def views_of(template: Template) -> dict[str, set[str]]:
    """The columns that each view has after a deployment of the template."""
    athena = Stack()
    athena.deploy(template)
    return {name: set(columns) for name, columns in athena.athena.views.items()}


def now(stack: Stack) -> dict[str, set[str]]:
    return {name: set(columns) for name, columns in stack.athena.views.items()}


COLUMN_CHANGES = [
    "columns-added",
    "columns-renamed",
    "columns-retyped",
    "columns-removed",
    "columns-csv-added",
]


@pytest.mark.parametrize("name", COLUMN_CHANGES)
def test_an_update_of_the_stack_leaves_all_views_by_the_new_settings(
    changed: dict[str, tuple[Template, Template]], name: str
) -> None:
    before, after = changed[name]
    stack = Stack()
    stack.deploy(before)
    assert now(stack) == views_of(before)
    tables = stack.log.index(next(entry for entry in stack.log if "CatalogArchiveFiles" in entry))
    views = stack.log.index(next(entry for entry in stack.log if entry.endswith(views_id(before))))
    assert tables < views

    stack.deploy(after)
    assert now(stack) == views_of(after)
    assert set(stack.athena.views) == set(RELATIONS)


def views_id(template: Template) -> str:
    (name,) = template.ids("Custom::AthenaViews")
    return name


@pytest.mark.parametrize("name", COLUMN_CHANGES)
def test_a_rollback_of_the_stack_at_each_step_leaves_all_views_as_they_were(
    changed: dict[str, tuple[Template, Template]], name: str
) -> None:
    before, after = changed[name]
    probe = Stack()
    probe.deploy(before)
    probe.log.clear()
    probe.deploy(after)
    steps = [entry.split()[1] for entry in probe.log if not entry.startswith(("delete", "retain"))]
    assert views_id(after) in steps

    for step in steps:
        stack = Stack()
        stack.deploy(before)
        with pytest.raises(StackFailedError):
            stack.deploy(after, lambda part, _, step=step: part == step)  # type: ignore[misc]
        assert now(stack) == views_of(before), step


@pytest.mark.parametrize("statement", range(4))
def test_a_statement_that_fails_rolls_the_stack_back_to_all_views(
    changed: dict[str, tuple[Template, Template]], statement: int
) -> None:
    before, after = changed["columns-renamed"]
    stack = Stack()
    stack.deploy(before)
    failure = {"State": "FAILED", "StateChangeReason": "made to fail", "AthenaError": {"Retryable": False}}
    stack.athena.failures = [*[{"State": "SUCCEEDED"}] * statement, failure]

    with pytest.raises(StackFailedError, match=f"VIEW {RELATIONS[statement]}: FAILED: made to fail"):
        stack.deploy(after)
    assert now(stack) == views_of(before)


def test_a_deleted_stack_leaves_nothing_that_blocks_the_next_one(
    changed: dict[str, tuple[Template, Template]],
) -> None:
    template, stack = changed["columns-added"][0], Stack(drained=True)
    stack.deploy(template)
    athena = stack.athena
    stack.delete()
    assert athena.views == {}

    athena.views = {"archive": ["left"]}  # as if Athena had not dropped it
    Stack(athena=athena).deploy(template)
    assert now(stack) == views_of(template)
