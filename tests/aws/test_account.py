"""The resources in an account, created and deleted at the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.aws.account import MODES, Account
from tests.conformance.endpoint import PREFIX, Endpoint
from tests.conformance.working_services import working_services


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Account(lambda service: boto3.client(service, region_name="us-east-1"), delay_s=0)


def test_a_role_and_a_function_for_each_mode_are_created_and_deleted(account: Account) -> None:
    role = account.create_role()
    arns = account.create_functions(role)

    assert role.endswith(f":role/{PREFIX}role")
    assert set(arns) == set(MODES)
    assert account.clean_up() == [*(f"{PREFIX}{mode}" for mode in MODES), f"{PREFIX}role"]
    assert account.clean_up() == []


def test_creating_them_again_after_a_broken_run_is_no_error(account: Account) -> None:
    first = account.create_functions(account.create_role())

    assert account.create_functions(account.create_role()) == first


def test_what_a_broken_run_left_behind_is_deleted_and_nothing_else() -> None:
    with working_services({}) as (services, _):
        endpoint = Endpoint(services.url, True, "arn:aws:iam::123456789012:role/r", 30, services)
        bucket, table, (stream, _) = endpoint.bucket(), endpoint.table(), endpoint.data_stream()
        name = endpoint.create_s3(bucket)
        endpoint.client("s3").put_object(Bucket=bucket, Key="a", Body=b"")
        endpoint.client("s3").create_bucket(Bucket="precious")
        account = Account(endpoint.client)

        assert account.remove_resources() == [name, stream, table, bucket]
        assert account.remove_resources() == []
        assert [b["Name"] for b in endpoint.client("s3").list_buckets()["Buckets"]] == ["precious"]
        for client in endpoint._clients.values():
            client.close()
