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


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as entries:
        entries.writestr(zipfile.ZipInfo("probe.py"), FUNCTION)
    return archive.getvalue()
