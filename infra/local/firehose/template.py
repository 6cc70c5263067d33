"""The create_delivery_stream request of a resource in a CloudFormation template, CDK's output included."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

RESOURCE_TYPE = "AWS::KinesisFirehose::DeliveryStream"
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "local",
}
_SUBSTITUTION = re.compile(r"\$\{([^!}][^}]*)\}")


class TemplateError(ValueError):
    """A template that has no such resource, or a reference that has no value."""


def delivery_stream_request(
    template: Mapping[str, Any], logical_id: str, values: Mapping[str, str]
) -> dict[str, Any]:
    """Return the arguments of create_delivery_stream for one resource of a template.

    `values` replaces references: `{"Bucket.Arn": "arn:aws:s3:::local"}` for `Fn::GetAtt`, `{"Name": "x"}` for
    `Ref`. Ref, Fn::GetAtt, Fn::Sub and Fn::Join are resolved; account, Region and partition have values.
    Raises TemplateError for another resource type, another function or a reference without a value.
    """
    resource = template.get("Resources", {}).get(logical_id, {})
    if resource.get("Type") != RESOURCE_TYPE:
        raise TemplateError(f"{logical_id} is not a resource of type {RESOURCE_TYPE} in this template.")
    request = _resolved(resource["Properties"], {**_PSEUDO_PARAMETERS, **values})
    return {"DeliveryStreamName": logical_id, **request}


def _resolved(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](argument, values)
        if name.startswith("Fn::"):
            raise TemplateError(f"{name} is not resolved here. Replace it in the template by its value.")
    return {name: _resolved(member, values) for name, member in value.items()}


def _reference(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise TemplateError(f"The template refers to {name}. Give its value: values={{'{name}': '...'}}.")
    return values[name]


def _get_att(argument: Any, values: Mapping[str, str]) -> str:
    return _reference(argument if isinstance(argument, str) else ".".join(argument), values)


def _sub(argument: Any, values: Mapping[str, str]) -> str:
    text, own = argument if isinstance(argument, list) else (argument, {})
    known = {**values, **_resolved(own, values)}
    return _SUBSTITUTION.sub(lambda match: _reference(match[1], known), text).replace("${!", "${")


def _join(argument: Any, values: Mapping[str, str]) -> str:
    separator, parts = argument
    return str(separator).join(_resolved(parts, values))


_FUNCTIONS = {"Ref": _reference, "Fn::GetAtt": _get_att, "Fn::Sub": _sub, "Fn::Join": _join}
