"""Findings of cdk-nag that we accept, each with its reason, at the construct it is about."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings (`AwsSolutions-S1`, `AwsSolutions-IAM5[Resource::*]`) for their reasons."""
    for finding, reason in reasons.items():
        Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::{finding}", reason=reason))
