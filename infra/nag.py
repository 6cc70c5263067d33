"""The accepted findings of cdk-nag, each with its reason, at the construct that it concerns."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings of AwsSolutions for the given reasons. A key is the name after the dash: `S1`."""
    for finding, reason in reasons.items():
        Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{finding}", reason=reason))


def acknowledge_wildcards(construct: IConstruct, arns: Iterable[str], reason: str) -> None:
    """Accept exactly these ARNs with a `*` in a policy (IAM5)."""
    names = {_nag_name(Stack.of(construct).resolve(arn)) for arn in arns}
    acknowledge(construct, {f"IAM5[Resource::{arn}]": reason for arn in sorted(names)})


def _nag_name(resolved: Any) -> str:
    """Return an ARN as cdk-nag writes it: `<Bucket.Arn>/archive/*`."""
    match resolved:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::Join": ["", parts]}:
            return "".join(map(_nag_name, parts))
    return str(resolved)
