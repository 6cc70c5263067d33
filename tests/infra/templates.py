"""Read a CloudFormation template: resources by type, and values with every reference resolved."""

import re
from typing import Any

ACCOUNT, REGION = "123456789012", "us-east-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": "stack",
}
# Resources for which Ref returns the ARN. Source: CFN-t, return values.
_REF_IS_ARN = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine", "AWS::Lambda::Alias")
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::KinesisFirehose::DeliveryStream": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{{name}}",
    "AWS::Kinesis::Stream": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{{name}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "AWS::Lambda::Alias": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}:live",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}:*",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::Scheduler::ScheduleGroup": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{{name}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{name}}",
}


class Template:
    """One template, resolved for account 123456789012 and us-east-1."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.resources: dict[str, dict[str, Any]] = document["Resources"]

    def ids(self, kind: str, like: str = "") -> list[str]:
        """Logical ids of the resources of a type whose id has a match."""
        return [
            name for name, found in self.resources.items() if found["Type"] == kind and re.search(like, name)
        ]

    def one(self, kind: str, like: str = "") -> dict[str, Any]:
        """The resolved properties of the only such resource."""
        (name,) = self.ids(kind, like)
        properties: dict[str, Any] = self.resolve(self.resources[name].get("Properties", {}))
        return properties

    def every(self, kind: str, like: str = "") -> dict[str, dict[str, Any]]:
        """The resolved properties of all such resources, by logical id."""
        return {
            name: self.resolve(self.resources[name].get("Properties", {})) for name in self.ids(kind, like)
        }

    def statements(self, like: str) -> list[dict[str, Any]]:
        """The statements of a role's policies, inside it and attached to it."""
        (name,) = self.ids("AWS::IAM::Role", like)
        inside = [policy["PolicyDocument"] for policy in self.one("AWS::IAM::Role", like).get("Policies", [])]
        attached = [
            policy["PolicyDocument"]
            for policy in self.every("AWS::IAM::Policy").values()
            if name.lower()[:60] in policy["Roles"]
        ]
        return [statement for document in inside + attached for statement in document["Statement"]]

    def actions(self, like: str) -> set[str]:
        """The actions that a role's policies allow."""
        return {action for statement in self.statements(like) for action in listed(statement["Action"])}

    def resolve(self, value: Any) -> Any:
        """Return the value with every intrinsic function replaced by its result."""
        match value:
            case {"Ref": name, **more} if not more:
                return self._ref(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(str(self.resolve(part)) for part in parts)
            case dict():
                assert not any(key.startswith("Fn::") for key in value), value
                return {key: self.resolve(inner) for key, inner in value.items()}
            case list():
                return [self.resolve(inner) for inner in value]
        return value

    def _ref(self, name: str) -> str:
        if name not in self.resources:
            return _PSEUDO.get(name, name)
        kind = self.resources[name]["Type"]
        if kind == "AWS::Glue::Table":
            return str(self.resources[name]["Properties"]["TableInput"]["Name"])
        if kind == "AWS::Logs::LogStream":
            return str(self.resources[name]["Properties"]["LogStreamName"])
        return self._arn(name) if kind in _REF_IS_ARN else _name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        return self._arn(name) if attribute == "Arn" else f"{_name(name)}.{attribute}"

    def _arn(self, name: str) -> str:
        kind, properties = self.resources[name]["Type"], self.resources[name].get("Properties", {})
        if kind == "AWS::Lambda::Alias":
            return _ARNS[kind].format(name=self.resolve(properties["FunctionName"]))
        return _ARNS[kind].format(name=_name(name))


def listed(value: Any) -> list[Any]:
    """A policy's value that may be one or a list, as a list."""
    return value if isinstance(value, list) else [value]


def _name(logical_id: str) -> str:
    return logical_id.lower()[:60]
