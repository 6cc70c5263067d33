"""A pytest fixture that gives the code under test a Firehose. In conftest.py of your project:

    pytest_plugins = ["ttl_archive.infra.local.firehose.pytest_fixture"]

    def test_orders_are_delivered(local_firehose):
        local_firehose.create("orders", Prefix="orders/")
        send_order()                      # your code: boto3.client("firehose").put_record(...)
        assert local_firehose.delivered("orders/") == b'{"id": 1}'

It is a module to name and not an entry point, so that installing this project changes no other test run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.function import Function, InProcess
from ttl_archive.infra.local.firehose.http_endpoint import endpoint
from ttl_archive.infra.local.firehose.memory_s3 import MemoryS3
from ttl_archive.infra.local.firehose.service import Firehose

_ACCOUNT = "123456789012"
_REGION = "us-east-1"
_ROLE_ARN = f"arn:aws:iam::{_ACCOUNT}:role/firehose"
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": _REGION,
}


@dataclass
class LocalFirehose:
    """What the fixture returns: the service, its bucket, its clock and the URL of its endpoint."""

    service: Firehose
    s3: MemoryS3
    clock: Clock
    url: str = ""
    functions: dict[str, Function] = field(default_factory=dict)

    def create(self, name: str, **destination: Any) -> None:
        """Create a Direct PUT delivery stream; `destination` are members of its S3 destination.

        Raises ServiceError for what AWS refuses.
        """
        required = {"BucketARN": "arn:aws:s3:::local", "RoleARN": _ROLE_ARN}
        self.service.create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=required | destination
        )

    def add_function(self, name: str, handler: Callable[[Any, Any], Any]) -> dict[str, Any]:
        """Return the ProcessingConfiguration that invokes a Python handler under this function name."""
        arn = f"arn:aws:lambda:{_REGION}:{_ACCOUNT}:function:{name}"
        self.functions[arn] = InProcess(handler, function_name=name)
        parameters = [{"ParameterName": "LambdaArn", "ParameterValue": arn}]
        return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": parameters}]}

    def delivered(self, prefix: str = "") -> bytes:
        """Deliver everything, and return the bodies of all objects under a prefix, joined."""
        self.service.flush()
        return b"".join(self.s3.body(key) for key in self.s3.keys(prefix))


@pytest.fixture
def local_firehose(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFirehose]:
    """Run a Firehose that boto3's clients reach, with S3 in memory and a clock that stands still."""
    s3, clock, functions = MemoryS3(), Clock(), dict[str, Function]()
    service = Firehose(s3=s3, functions=functions, clock=clock)
    with endpoint(service) as url:
        for name, value in {"AWS_ENDPOINT_URL_FIREHOSE": url, **_ENVIRONMENT}.items():
            monkeypatch.setenv(name, value)
        yield LocalFirehose(service, s3, clock, url, functions)
