"""CloudFormation's order of operations, over templates as data, with our custom resources' real handlers.

What it does: creations and updates in the order of dependencies, replacements by the createOnlyProperties of
cfn-lint's resource schemas, cleanup last and in reverse order, rollback of a failed update to the old
template, DeletionPolicy. What it leaves out: parallelism, drift, conditions, nested stacks, and the services
themselves: a resource is its resolved properties.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.fakes import FakeS3, client_error
from tests.infra.fake_athena import FakeAthena
from tests.infra.templates import ACCOUNT, REGION, Template
from tests.infra.test_attach import FakeDynamoDB
from ttl_archive.infra.athena_views import views_handler
from ttl_archive.infra.attachment import attach_handler, guard_handler, stream_handler
from ttl_archive.infra.attachment.deployed_road import SYSTEM_CLOCK, PausingClock

STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/archive/1"
_request_ids = itertools.count()
Fail = Callable[[str, str], bool]  # logical id, operation -> whether it fails


class StackFailedError(Exception):
    """A stack operation failed; the text is the reason of the resource that failed."""


@dataclass
class Stack:
    """One stack and the account around it. `log` holds every operation, as "create Name" or "update Name"."""

    template: Template | None = None
    status: str = "CREATE_IN_PROGRESS"
    log: list[str] = field(default_factory=list)
    s3: Any = field(default_factory=lambda: AccountS3())
    dynamodb: FakeDynamoDB = field(
        default_factory=lambda: FakeDynamoDB(
            table="Devices", ttl={"TimeToLiveStatus": "ENABLED", "AttributeName": "expiredAt"}
        )
    )
    athena: FakeAthena = field(default_factory=lambda: FakeAthena(looks=0))
    databases: set[str] = field(default_factory=set)
    key_policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    deployed: dict[str, dict[str, Any]] = field(default_factory=dict)
    drained: bool = False
    mapping_state: str = "Enabled"

    def deploy(self, template: Template, fails: Fail = lambda _, __: False) -> None:
        """Create or update the stack. Raises StackFailedError after the rollback."""
        before, kind = self.template, "UPDATE" if self.template else "CREATE"
        self.status = f"{kind}_IN_PROGRESS"
        try:
            self._apply(template, fails)
        except StackFailedError:
            self.status = "UPDATE_ROLLBACK_IN_PROGRESS" if before else "ROLLBACK_IN_PROGRESS"
            self._apply(before or Template({"Resources": {}}), lambda _, __: False)
            self._clean_up(before or Template({"Resources": {}}))
            self.status = "UPDATE_ROLLBACK_COMPLETE" if before else "ROLLBACK_COMPLETE"
            raise
        self.status = f"{kind}_COMPLETE_CLEANUP_IN_PROGRESS"
        self._clean_up(template)
        self.template, self.status = template, f"{kind}_COMPLETE"

    def delete(self) -> None:
        """Delete the stack. Raises StackFailedError, and leaves what is not yet deleted."""
        self.status = "DELETE_IN_PROGRESS"
        self._clean_up(Template({"Resources": {}}))
        self.template = None

    def clients(self, service: str) -> Any:
        """Return the client of a service, as the handlers ask for it."""
        return {"s3": self.s3, "dynamodb": self.dynamodb}.get(service, _Services(self))

    def _apply(self, template: Template, fails: Fail) -> None:
        for name in ordered(template):
            resource = template.resources[name]
            wanted = template.resolve(resource.get("Properties", {}))
            known = self.deployed.get(name)
            if known and known["Properties"] == wanted:
                continue
            operation = _operation(resource["Type"], known and known["Properties"], wanted)
            self.log.append(f"{operation} {name}")
            if fails(name, operation):
                raise StackFailedError(f"{name}: made to fail")
            self._check_name(resource["Type"], name, wanted, operation)
            if resource["Type"].startswith("Custom::"):
                self._custom(resource["Type"], name, wanted, known and known["Properties"])
            self.deployed[name] = {"Type": resource["Type"], "Properties": wanted, "Resource": resource}

    def _clean_up(self, template: Template) -> None:
        for name in reversed(_order(self.deployed)):
            if name in template.resources:
                continue
            known = self.deployed[name]
            policy = known["Resource"].get("DeletionPolicy", "Delete")
            if policy == "Retain" or (
                policy == "RetainExceptOnCreate" and self.status != "ROLLBACK_IN_PROGRESS"
            ):
                self.log.append(f"retain {name}")
            else:
                self.log.append(f"delete {name}")
                if known["Type"].startswith("Custom::"):
                    self._custom(known["Type"], name, known["Properties"], None, "Delete")
            del self.deployed[name]

    def _custom(self, kind: str, name: str, wanted: Any, old: Any, request: str | None = None) -> None:
        """Send one request to the real handler."""
        event = {
            "RequestType": request or ("Update" if old else "Create"),
            "ResourceType": kind,
            "ResponseURL": "https://responses.example",
            "StackId": STACK_ID,
            "RequestId": str(next(_request_ids)),
            "LogicalResourceId": name,
            "ResourceProperties": wanted,
            **({"OldResourceProperties": old} if old else {}),
        }
        sent: list[bytes] = []
        if kind == "Custom::StreamingDestination":
            attach_handler.handler(
                event, _Context(), self.dynamodb, lambda _, body: sent.append(body), lambda _: None
            )
        elif kind == "Custom::TableStream":
            stream_handler.handler(
                event, _Context(), self.dynamodb, lambda _, body: sent.append(body), lambda _: None
            )
        elif kind == "Custom::AthenaViews":
            self.athena.tables = self._glue_tables()
            views_handler.handler(
                event, _Context(), self.athena, lambda _, body: sent.append(body), lambda _: None
            )
        else:
            clock = PausingClock(SYSTEM_CLOCK.now, lambda _: None)
            guard_handler.handler(event, None, self.clients, lambda _, body: sent.append(body), clock)
        response = json.loads(sent[0])
        if response["Status"] == "FAILED":
            raise StackFailedError(response["Reason"])

    def _glue_tables(self) -> dict[str, list[str]]:
        """Return the columns of each table, with Athena's hidden column."""
        inputs = [
            known["Properties"]["TableInput"]
            for known in self.deployed.values()
            if known["Type"] == "AWS::Glue::Table"
        ]
        return {
            table["Name"]: [
                *(column["Name"] for column in table["StorageDescriptor"]["Columns"]),
                *(column["Name"] for column in table.get("PartitionKeys", [])),
                "$path",
            ]
            for table in inputs
        }

    def _check_name(self, kind: str, name: str, wanted: Any, operation: str) -> None:
        """Refuse a replacement that creates a resource under a name that is taken."""
        if operation == "replace" and kind in _NAMES:
            given = _NAMES[kind](wanted)
            if given and given == _NAMES[kind](self.deployed[name]["Properties"]):
                raise StackFailedError(f"{given} already exists")


class AccountS3(FakeS3):
    """S3 of the account; every bucket exists unless its name begins with `missing`."""

    def head_bucket(self, *, Bucket: str) -> None:
        if Bucket.startswith("missing"):
            raise client_error("404", "HeadBucket", 404)

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        return {"Contents": [{"Key": key} for key in self.listed(Prefix, Bucket)[:MaxKeys]]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": _Body(super().get_object(Bucket=Bucket, Key=Key)["Body"])}


@dataclass
class _Body:
    content: bytes

    def read(self) -> bytes:
        return self.content


class _Context:
    def get_remaining_time_in_millis(self) -> float:
        return 900_000


@dataclass
class _Services:
    """CloudFormation, Firehose, Glue, KMS and CloudWatch, as far as the handlers call them."""

    stack: Stack

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if StackName not in (STACK_ID, "archive"):
            raise client_error("ValidationError", "DescribeStacks")
        outputs = self.stack.template.document.get("Outputs", {}) if self.stack.template else {}
        found = [
            {"OutputKey": name, "OutputValue": str(self.stack.template.resolve(entry["Value"]))}
            for name, entry in outputs.items()
            if self.stack.template
        ]
        return {"Stacks": [{"StackId": STACK_ID, "StackStatus": self.stack.status, "Outputs": found}]}

    def list_stack_resources(self, *, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        """Return a page of 20, and beside each resource one of the same name that was deleted."""
        assert StackName == STACK_ID
        start, found = int(NextToken), list(self.stack.deployed.items())
        page = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": _physical_id(name, known) if status == "CREATE_COMPLETE" else "gone",
                "ResourceType": known["Type"],
                "ResourceStatus": status,
            }
            for name, known in found[start : start + 20]
            for status in ("CREATE_COMPLETE", "DELETE_COMPLETE")
        ]
        more = {"NextToken": str(start + 20)} if start + 20 < len(found) else {}
        return {"StackResourceSummaries": page, **more}

    def describe_delivery_stream(self, *, DeliveryStreamName: str) -> dict[str, Any]:
        for name, known in self.stack.deployed.items():
            if _physical_id(name, known) == DeliveryStreamName:
                destination = known["Properties"]["ExtendedS3DestinationConfiguration"]
                source = known["Properties"].get("KinesisStreamSourceConfiguration", {})
                description = {
                    "DeliveryStreamType": known["Properties"]["DeliveryStreamType"],
                    "Source": {
                        "KinesisStreamSourceDescription": {"KinesisStreamARN": source["KinesisStreamARN"]}
                    }
                    if source
                    else {},
                    "Destinations": [{"ExtendedS3DestinationDescription": destination}],
                }
                return {"DeliveryStreamDescription": description}
        raise client_error("ResourceNotFoundException", "DescribeDeliveryStream")

    def get_paginator(self, name: str) -> Any:
        assert name == "list_event_source_mappings"
        return self

    def paginate(self, *, FunctionName: str | None = None) -> list[dict[str, Any]]:
        """Return the event source mappings; as the stricter reading has it, only the alias names them."""
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{self.stack.dynamodb.table}"
        found = [
            {
                "UUID": _physical_id(name, known),
                "State": self.stack.mapping_state,
                "FunctionArn": known["Properties"]["FunctionName"],
                "EventSourceArn": f"{table}/stream/2026-11-21T06:26:52.000",
            }
            for name, known in self.stack.deployed.items()
            if known["Type"] == "AWS::Lambda::EventSourceMapping"
            and (FunctionName is None or known["Properties"]["FunctionName"].endswith(FunctionName))
        ]
        return [{"EventSourceMappings": found}]

    def get_database(self, *, Name: str) -> dict[str, Any]:
        if Name not in self.stack.databases:
            raise client_error("EntityNotFoundException", "GetDatabase")
        return {}

    def get_tables(self, *, DatabaseName: str) -> dict[str, Any]:
        tables = [known for known in self.stack.deployed.values() if known["Type"] == "AWS::Glue::Table"]
        return {"TableList": [table["Properties"]["TableInput"] for table in tables]}

    def get_key_policy(self, *, KeyId: str, PolicyName: str) -> dict[str, Any]:
        assert PolicyName == "default"
        return {"Policy": json.dumps(self.stack.key_policies.get(KeyId, {"Statement": []}))}

    def get_metric_data(self, *, MetricDataQueries: Any, **_: Any) -> dict[str, Any]:
        busy, quiet = [5.0], [0.0]
        values = {"GetRecords.Success": busy, "IncomingRecords": quiet if self.stack.drained else busy}
        return {
            "MetricDataResults": [
                {"Id": query["Id"], "Values": values.get(query["MetricStat"]["Metric"]["MetricName"], [])}
                for query in MetricDataQueries
            ]
        }


def create_only(kind: str) -> set[str]:
    """Return the properties whose change replaces a resource, from cfn-lint's schema of its type."""
    if kind.startswith("Custom::"):
        return {"ServiceToken"}
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    found = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return {path.removeprefix("/properties/") for path in found}


def replaced_by(kind: str, old: Any, new: Any) -> set[str]:
    """Return the changed properties that replace the resource."""
    return {path for path in create_only(kind) if _at(old, path) != _at(new, path)}


def ordered(template: Template) -> list[str]:
    """Return the logical ids with each resource after those that it depends on."""
    return _order({name: {"Resource": resource} for name, resource in template.resources.items()})


def references(value: Any) -> set[str]:
    """Return the logical ids that a value refers to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), _]}:
            return {name}
        case dict():
            return set().union(*map(references, value.values())) if value else set()
        case list():
            return set().union(*map(references, value)) if value else set()
    return set()


def dependencies(resource: dict[str, Any]) -> set[str]:
    """Return the logical ids that a resource depends on."""
    listed = resource.get("DependsOn", [])
    return references(resource.get("Properties", {})) | ({listed} if isinstance(listed, str) else set(listed))


def _order(resources: dict[str, dict[str, Any]]) -> list[str]:
    done: list[str] = []

    def visit(name: str) -> None:
        if name not in done:
            for other in sorted(dependencies(resources[name]["Resource"]) & resources.keys()):
                visit(other)
            done.append(name)

    for name in sorted(resources):
        visit(name)
    return done


def _operation(kind: str, old: Any, new: Any) -> str:
    if old is None:
        return "create"
    return "replace" if replaced_by(kind, old, new) else "update"


def _at(properties: Any, path: str) -> Any:
    for name in path.split("/"):
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


def _physical_id(name: str, known: dict[str, Any]) -> str:
    given = _NAMES.get(known["Type"], lambda _: None)(known["Properties"])
    return given or name.lower()[:60]


# The name of a resource in a template, by type.
_NAMES: dict[str, Callable[[Any], str | None]] = {
    "AWS::Glue::Database": lambda properties: properties["DatabaseInput"]["Name"],
    "AWS::Glue::Table": lambda properties: (
        properties["TableInput"]["Name"] + "@" + properties["DatabaseName"]
    ),
    "AWS::Athena::WorkGroup": lambda properties: properties["Name"],
    "AWS::DynamoDB::Table": lambda properties: properties.get("TableName"),
    "AWS::Lambda::Alias": lambda properties: properties["Name"] + "@" + properties["FunctionName"],
    "AWS::Logs::LogStream": lambda properties: properties["LogStreamName"] + "@" + properties["LogGroupName"],
}
