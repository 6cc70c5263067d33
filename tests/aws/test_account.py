"""The resources in an account, created and deleted at the emulator, also when deletions are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.aws.account import MODES, Account
from tests.aws.cleanup import KINDS, LeftBehindError, remove_everything
from tests.conformance.endpoint import PREFIX
from tests.fakes import client_error


class Clients:
    """Clients of an account; `refused` operations raise as often as the number says."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self.refused: dict[str, int] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = boto3.client(service, region_name="us-east-1")
        return Refusing(self._made[service], self.refused)


class Refusing:
    """A client whose operations are refused while their number lasts."""

    def __init__(self, client: Any, refused: dict[str, int]) -> None:
        self._client, self._refused = client, refused

    def __getattr__(self, name: str) -> Any:
        if self._refused.get(name, 0):
            self._refused[name] -= 1
            raise client_error("ResourceInUseException", name)
        return getattr(self._client, name)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Clients()


def create_one_of_each_kind(client: Callable[[str], Any]) -> set[str]:
    """Create a resource of each kind, with content, and return the names."""
    account = Account(client, delay_s=0)
    functions = account.create_functions(account.create_role())
    name = f"{PREFIX}1"
    client("s3").create_bucket(Bucket=name)
    client("s3").put_object(Bucket=name, Key="a", Body=b"")
    client("kinesis").create_stream(StreamName=name, ShardCount=1)
    client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    client("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{name}",
            "RoleARN": "arn:aws:iam::123456789012:role/r",
        },
    )
    client("athena").create_work_group(Name=name)
    client("glue").create_database(DatabaseInput={"Name": name.replace("-", "_")})
    services = ("s3", "kinesis", "dynamodb", "firehose", "athena", "glue")
    return {
        f"iam {PREFIX}role",
        *(f"lambda {PREFIX}{mode}" for mode in functions),
        *(f"{service} {name}" for service in services),
    }


def listed(client: Callable[[str], Any]) -> dict[str, list[str]]:
    return {
        kind.service: [name for name in kind.names(client(kind.service)) if name.startswith(PREFIX)]
        for kind in KINDS
    }


def test_a_role_and_a_function_for_each_mode_are_created_also_again(clients: Clients) -> None:
    account = Account(clients, delay_s=0)
    role = account.create_role()
    arns = account.create_functions(role)

    assert role.endswith(f":role/{PREFIX}role")
    assert set(arns) == set(MODES)
    assert account.create_functions(account.create_role()) == arns


def test_everything_of_every_kind_is_deleted_and_nothing_else(clients: Clients) -> None:
    names = create_one_of_each_kind(clients)
    clients("s3").create_bucket(Bucket="precious")
    assert all(listed(clients).values())

    assert set(remove_everything(clients, pause_s=0)) == names
    assert not any(listed(clients).values())
    assert [b["Name"] for b in clients("s3").list_buckets()["Buckets"]] == ["precious"]
    assert remove_everything(clients, pause_s=0) == []


def test_a_refused_deletion_stops_no_other_one_and_is_requested_again(clients: Clients) -> None:
    names = create_one_of_each_kind(clients)
    clients.refused = {"delete_table": 2, "delete_bucket": 1, "list_work_groups": 1}

    assert set(remove_everything(clients, pause_s=0)) == names
    assert not any(listed(clients).values())


def test_what_is_left_behind_is_named_with_the_reason(clients: Clients) -> None:
    create_one_of_each_kind(clients)
    clients.refused = {"delete_table": 1_000_000, "list_work_groups": 1_000_000}

    with pytest.raises(LeftBehindError) as caught:
        remove_everything(clients, wait_s=0.5, pause_s=0)
    assert f"dynamodb {PREFIX}1: An error occurred (ResourceInUseException)" in str(caught.value)
    assert "athena (all): it cannot be listed: An error occurred" in str(caught.value)
    assert "--only-cleanup" in str(caught.value)
    clients.refused = {}
    assert {kind for kind, names in listed(clients).items() if names} == {"dynamodb", "athena"}


def test_an_account_that_lists_nothing_is_reported_at_once(clients: Clients) -> None:
    listing = ("get_paginator", "list_delivery_streams", "list_work_groups", "list_buckets")
    clients.refused = dict.fromkeys(listing, 1_000_000)

    with pytest.raises(LeftBehindError, match=r"iam \(all\): it cannot be listed"):
        remove_everything(clients, wait_s=600, pause_s=600)
