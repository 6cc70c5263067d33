"""Delete everything in an account whose name has the prefix of the probes, and verify that it is gone.

A deletion that is refused, because AWS is still creating or deleting something, stops no other one: all are
requested again until no listing has the prefix.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance.endpoint import PREFIX

# A table or a delivery stream takes minutes to disappear.
_WAIT_S, _PAUSE_S = 600.0, 10.0
_UNLISTED = " (all)"

ClientOf = Callable[[str], Any]


class LeftBehindError(Exception):
    """Resources that could not be deleted; the text names each with AWS's reason."""


@dataclass(frozen=True)
class ResourceKind:
    """A kind of resource: its service, how all of them are listed by name, and how one is deleted."""

    service: str
    names: Callable[[Any], Iterable[str]]
    delete: Callable[[Any, str], object]


def remove_everything(
    client_of: ClientOf, *, wait_s: float = _WAIT_S, pause_s: float = _PAUSE_S
) -> list[str]:
    """Delete every resource of the probes, wait until none is listed, and return `service name` of each.

    Raises LeftBehindError when something is left after `wait_s` seconds.
    """
    removed: dict[str, None] = {}
    deadline = time.monotonic() + wait_s
    while left := _round(client_of):
        removed |= dict.fromkeys(left)
        # An account that lists nothing, for want of credentials or a network, needs no waiting.
        if time.monotonic() >= deadline or sum(name.endswith(_UNLISTED) for name in left) == len(KINDS):
            reasons = "".join(f"\n  {name}: {reason}" for name, reason in left.items())
            raise LeftBehindError(
                f"This is left in the account, or may be:{reasons}\n"
                "Delete it with pytest tests/aws --aws --only-cleanup, or in the console."
            )
        time.sleep(pause_s)
    return [name for name in removed if not name.endswith(_UNLISTED)]


def _round(client_of: ClientOf) -> dict[str, str]:
    """Request every deletion once; return what was listed, each with why it may still be there."""
    left: dict[str, str] = {}
    for kind in KINDS:
        try:
            client = client_of(kind.service)
            listed = [name for name in kind.names(client) if name.startswith(PREFIX)]
        except (ClientError, BotoCoreError) as error:
            left[kind.service + _UNLISTED] = f"it cannot be listed: {error}"
            continue
        for name in listed:
            try:
                kind.delete(client, name)
                left[f"{kind.service} {name}"] = "its deletion has begun"
            except (ClientError, BotoCoreError) as error:
                left[f"{kind.service} {name}"] = str(error)
    return left


def _pages(operation: str, member: str, key: str | None = None) -> Callable[[Any], Iterator[str]]:
    """Return a function that lists all names of one paginated operation."""

    def names(client: Any) -> Iterator[str]:
        for page in client.get_paginator(operation).paginate():
            yield from (entry[key] if key else entry for entry in page.get(member, ()))

    return names


def _delivery_streams(client: Any) -> list[str]:
    # BC-firehose: Limit is at most 10,000; the operation has no paginator.
    found: list[str] = client.list_delivery_streams(Limit=10_000)["DeliveryStreamNames"]
    return found


def _delete_bucket(client: Any, name: str) -> None:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", ()):
            client.delete_object(Bucket=name, Key=entry["Key"])
    client.delete_bucket(Bucket=name)


def _delete_role(client: Any, name: str) -> None:
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    client.delete_role(RoleName=name)


# What reads or writes comes before what it reads or writes, and the role of all comes last.
KINDS = (
    ResourceKind(
        "firehose", _delivery_streams, lambda c, name: c.delete_delivery_stream(DeliveryStreamName=name)
    ),
    ResourceKind(
        "dynamodb", _pages("list_tables", "TableNames"), lambda c, name: c.delete_table(TableName=name)
    ),
    ResourceKind(
        "kinesis",
        _pages("list_streams", "StreamNames"),
        lambda c, name: c.delete_stream(StreamName=name, EnforceConsumerDeletion=True),
    ),
    ResourceKind(
        "athena",
        lambda c: [group["Name"] for group in c.list_work_groups()["WorkGroups"]],
        lambda c, name: c.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True),
    ),
    ResourceKind(
        "glue",
        # The names of databases have underscores only.
        lambda c: (name.replace("_", "-") for name in _pages("get_databases", "DatabaseList", "Name")(c)),
        lambda c, name: c.delete_database(Name=name.replace("-", "_")),
    ),
    ResourceKind("s3", lambda c: [found["Name"] for found in c.list_buckets()["Buckets"]], _delete_bucket),
    ResourceKind(
        "lambda",
        _pages("list_functions", "Functions", "FunctionName"),
        lambda c, name: c.delete_function(FunctionName=name),
    ),
    ResourceKind("iam", _pages("list_roles", "Roles", "RoleName"), _delete_role),
)
