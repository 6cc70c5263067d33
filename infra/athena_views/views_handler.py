"""The entry that Lambda calls for the Create, Update and Delete of the views of one database."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.athena_views.athena_query import QueryContext, StatementError, run_statement
from ttl_archive.infra.athena_views.view_changes import creations, decode_views, removals
from ttl_archive.infra.attachment.attach import Waiter
from ttl_archive.infra.attachment.attach_handler import RESPONSE_S
from ttl_archive.infra.attachment.cloudformation_response import Send, put
from ttl_archive.infra.attachment.custom_resource import Event, make_client, respond


def handler(event: Event, context: Any, client: Any = None, send: Send = put, pause: Any = None) -> None:
    """Create, replace or drop the views, then respond. Tests pass the last three arguments."""

    def time_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - RESPONSE_S  # type: ignore[no-any-return]

    def action() -> dict[str, str]:
        athena = client or make_client("athena")
        waiter = Waiter(time_left, pause) if pause else Waiter(time_left)
        {"Create": _create, "Update": _create, "Delete": _drop}[event["RequestType"]](event, athena, waiter)
        return {}

    respond(event, f"views of {event['ResourceProperties']['Database']}", action, send)


def _create(event: Event, athena: Any, waiter: Waiter) -> None:
    """Create or replace every view, then drop those that the previous deployment had beside them.

    Raises StatementError for the first statement that fails; the rollback then creates the views of before.
    """
    wanted = decode_views(event["ResourceProperties"]["Views"])
    old = event.get("OldResourceProperties") or {}
    same_database = old.get("Database") == event["ResourceProperties"]["Database"]
    previous = decode_views(old["Views"]) if same_database and "Views" in old else {}
    for number, statement in enumerate([*creations(wanted), *removals(previous, kept=wanted)]):
        run_statement(athena, statement, number, _context(event), waiter)


def _drop(event: Event, athena: Any, waiter: Waiter) -> None:
    """Drop the views as far as Athena can. A failure is logged and is no reason to keep the stack.

    A view that stays is dropped together with its database, and the next CREATE OR REPLACE would replace it.
    The deletion also follows a failed creation, whose cause is often still there.
    """
    for number, statement in enumerate(removals(decode_views(event["ResourceProperties"]["Views"]))):
        try:
            run_statement(athena, statement, number, _context(event), waiter)
        except (StatementError, ClientError, BotoCoreError) as error:
            print(f"{type(error).__name__}: {error}")  # noqa: T201  Lambda's log is stdout


def _context(event: Event) -> QueryContext:
    properties = event["ResourceProperties"]
    return QueryContext(properties["Database"], properties["Workgroup"], event["RequestId"])
