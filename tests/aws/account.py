"""The IAM role and the Lambda functions that the probes need in an account."""

from __future__ import annotations

import contextlib
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.endpoint import PREFIX

_TRUSTED = ("firehose.amazonaws.com", "lambda.amazonaws.com")
# FDG: controlling-access; only the resources of the probes.
_ACTIONS = {
    "s3": (["s3:*Object*", "s3:List*", "s3:GetBucketLocation"], f"arn:aws:s3:::{PREFIX}*"),
    "kinesis": (
        ["kinesis:Describe*", "kinesis:Get*", "kinesis:List*"],
        f"arn:aws:kinesis:*:*:stream/{PREFIX}*",
    ),
    "lambda": (
        ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"],
        f"arn:aws:lambda:*:*:function:{PREFIX}*",
    ),
}
_ROLE_DELAY_S = 15  # IAM is eventually consistent; other services see a new role after a while
FUNCTION = """
def handler(event, context):
    mode = context.function_name.rpartition("-")[2]
    return {"records": [answer(mode, record) for record in event["records"]]}


def answer(mode, record):
    if mode == "large":
        return {"recordId": record["recordId"], "result": "Ok", "data": "A" * 7_000_000}
    if mode == "failed":
        return {"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]}
    return {"recordId": record["recordId"], "result": "Ok", "data": record["data"]}
"""
MODES = ("large", "failed", "same")


@dataclass(frozen=True)
class Account:
    """Clients of an account, by `client(service)`."""

    client: Callable[[str], Any]
    delay_s: float = _ROLE_DELAY_S

    def create_role(self) -> str:
        """Create the role of delivery streams and functions, and return its ARN."""
        iam, name = self.client("iam"), f"{PREFIX}role"
        trust = {"Effect": "Allow", "Principal": {"Service": _TRUSTED}, "Action": "sts:AssumeRole"}
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        rights = [
            {"Effect": "Allow", "Action": actions, "Resource": [arn, f"{arn}/*"] if ":s3:" in arn else arn}
            for actions, arn in _ACTIONS.values()
        ]
        iam.put_role_policy(RoleName=name, PolicyName="probe", PolicyDocument=_policy(*rights))
        time.sleep(self.delay_s)
        arn: str = iam.get_role(RoleName=name)["Role"]["Arn"]
        return arn

    def create_functions(self, role_arn: str) -> dict[str, str]:
        """Create a function for each mode, and return their ARNs by mode."""
        client = self.client("lambda")
        arns = {}
        for mode in MODES:
            name = f"{PREFIX}{mode}"
            with contextlib.suppress(client.exceptions.ResourceConflictException):
                client.create_function(
                    FunctionName=name,
                    Runtime="python3.13",
                    Role=role_arn,
                    Handler="probe.handler",
                    Code={"ZipFile": _zipped()},
                    Timeout=60,
                    MemorySize=512,
                )
            arns[mode] = client.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        return arns

    def remove_resources(self) -> list[str]:
        """Delete every other resource that has the prefix, and return the names of what was deleted."""
        firehose, kinesis = self.client("firehose"), self.client("kinesis")
        dynamodb, s3 = self.client("dynamodb"), self.client("s3")
        deleted = _ours(firehose.list_delivery_streams(Limit=10_000)["DeliveryStreamNames"])
        for name in deleted:
            firehose.delete_delivery_stream(DeliveryStreamName=name)
        for name in _ours(_pages(kinesis, "list_streams", "StreamNames")):
            kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
            deleted.append(name)
        for name in _ours(_pages(dynamodb, "list_tables", "TableNames")):
            dynamodb.delete_table(TableName=name)
            deleted.append(name)
        for name in _ours([bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]):
            for entry in _pages(s3, "list_objects_v2", "Contents", Bucket=name):
                s3.delete_object(Bucket=name, Key=entry["Key"])
            s3.delete_bucket(Bucket=name)
            deleted.append(name)
        return deleted

    def clean_up(self) -> list[str]:
        """Delete the role and the functions, and return the names of what was deleted."""
        iam, functions, role = self.client("iam"), self.client("lambda"), f"{PREFIX}role"
        calls: list[tuple[str, Callable[[], Any]]] = [
            *(
                (f"{PREFIX}{mode}", _call(functions.delete_function, FunctionName=f"{PREFIX}{mode}"))
                for mode in MODES
            ),
            ("", _call(iam.delete_role_policy, RoleName=role, PolicyName="probe")),
            (role, _call(iam.delete_role, RoleName=role)),
        ]
        deleted = []
        for name, call in calls:
            try:
                call()
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchEntity", "ResourceNotFoundException"):
                    raise
            else:
                deleted += [name] if name else []
        return deleted


def _ours(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(PREFIX)]


def _pages(client: Any, operation: str, member: str, **request: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**request)
    return [entry for page in pages for entry in page.get(member, ())]


def _call(method: Callable[..., Any], **request: Any) -> Callable[[], Any]:
    return lambda: method(**request)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as entries:
        entries.writestr(zipfile.ZipInfo("probe.py"), FUNCTION)
    return archive.getvalue()
