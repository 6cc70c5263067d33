"""Findings of cdk-nag that we accept, each with its reason, at the construct it is about."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings of AwsSolutions, by their names after the dash (`S1`), for their reasons."""
    for finding, reason in reasons.items():
        Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{finding}", reason=reason))


def acknowledge_wildcards(construct: IConstruct, arns: Iterable[str], reason: str) -> None:
    """Accept these ARNs with a `*` in a policy (IAM5), and no other."""
    told = {_told(Stack.of(construct).resolve(arn)) for arn in arns}
    acknowledge(construct, {f"IAM5[Resource::{arn}]": reason for arn in sorted(told)})


def _told(resolved: Any) -> str:
    """An ARN as cdk-nag writes it: `<Bucket.Arn>/archive/*`."""
    match resolved:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::Join": ["", parts]}:
            return "".join(map(_told, parts))
    return str(resolved)
