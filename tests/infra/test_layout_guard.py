"""The layout guard: each change that would hide, strand or lose rows is refused before anything changes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import client_error
from tests.infra.cloudformation import AccountS3, Stack, StackFailedError, dependencies
from tests.infra.templates import Template
from tests.infra.test_attach import active
from tests.infra.update_matrix import CHANGES, parameters
from ttl_archive.infra.attachment.deployed_layout import record_key
from ttl_archive.infra.attachment.layout_rules import Layout, incompatible_changes
from ttl_archive.transform import layout

GUARD, RECORD, DRAIN = "Custom::LayoutGuard", "Custom::LayoutRecord", "Custom::DrainGuard"
# The changes that must be refused, with words of the way out.
REFUSED = {
    "name": "give it another [deploy] stack_name",
    "format": "ttl-archive drain",
    "row": "ttl-archive drain",
    "partition_by": "ttl-archive drain",
    "date_column": "ttl-archive drain",
    "parquet": "ttl-archive drain",
    "columns-csv-moved": "Add columns at the end",
    "database": 'Set database = "ttl_archive_devices"',
    "bucket": "deploy a second stack for the new bucket",
    "kms_key_arn-changed": "add kms_previous_key_arns",
    "kms_key_arn-removed": "add kms_previous_key_arns",
    "table": 'Set table = "existing"',
    "source": 'Deploy source = "both" first',
    "source-back": 'Deploy source = "both" first',
    "source_backup-off": "Set source_backup = true",
    "partition_key": "create another table",
    "sort_key": "create another table",
    "ttl_attribute": "Correct the one that is wrong",
}


def stack_before(changed: dict[str, tuple[Template, Template]], name: str, **more: Any) -> Stack:
    """Return a stack with the configuration before the change; every key policy is complete."""
    stack = Stack(**more)
    before, after = changed[name]
    if before.ids("AWS::DynamoDB::Table"):
        stack.dynamodb.table = "none"
    stack.key_policies = {arn: complete_policy() for arn in operations_keys(after)}
    stack.deploy(before)
    if before.ids("AWS::DynamoDB::Table"):
        stack.dynamodb.table = "Devices"
    stack.log.clear()
    return stack


def complete_policy() -> dict[str, Any]:
    services = ["cloudwatch.amazonaws.com", "logs.us-east-1.amazonaws.com"]
    return {"Statement": [{"Effect": "Allow", "Principal": {"Service": services}, "Action": "kms:*"}]}


def operations_keys(template: Template) -> list[str]:
    (guard,) = template.every(GUARD).values()
    return [guard["OperationsKeyArn"]] if "OperationsKeyArn" in guard else []


# Order


def test_the_guard_comes_before_every_part(template: Template) -> None:
    (guard,) = template.ids(GUARD)
    (function,) = template.ids("AWS::Lambda::Function", "GuardGuardFunction|GuardFunction")
    before = {
        guard,
        function,
        *template.ids("AWS::IAM::Role", "Guard"),
        *template.ids("AWS::Logs::LogGroup", "Guard"),
    }

    for name in template.resources:
        assert name in before or guard in closure(template, name), name
    assert not closure(template, guard) - before


def closure(template: Template, name: str) -> set[str]:
    """Return everything that a resource depends on, directly or not."""
    found, todo = set(), [name]
    while todo:
        for other in dependencies(template.resources[todo.pop()]) & template.resources.keys():
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


@pytest.mark.parametrize("name", REFUSED)
def test_a_dangerous_change_is_refused_before_anything_changes(
    changed: dict[str, tuple[Template, Template]], name: str
) -> None:
    stack = stack_before(changed, name)

    with pytest.raises(StackFailedError) as raised:
        stack.deploy(changed[name][1])

    assert REFUSED[name] in str(raised.value)
    assert {entry.split()[1] for entry in stack.log} <= guard_parts(changed[name][1])
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"


def guard_parts(template: Template) -> set[str]:
    return {name for name in template.resources if "Guard" in name and "Record" not in name}


@pytest.mark.parametrize("name", parameters(name for name in CHANGES if name not in REFUSED))
def test_a_compatible_change_passes(changed: dict[str, tuple[Template, Template]], name: str) -> None:
    stack = stack_before(changed, name)
    stack.deploy(changed[name][1])

    assert stack.status == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    "name", ["columns-csv-added", "kms_previous_key_arns", "max_record_kib", "kms_key_arn"]
)
def test_a_rollback_at_each_step_restores_the_old_stack(
    changed: dict[str, tuple[Template, Template]], name: str
) -> None:
    """The guard receives the reverse change, which alone would be refused, and accepts it."""
    probe = stack_before(changed, name)
    probe.deploy(changed[name][1])
    steps = [entry.split()[1] for entry in probe.log if not entry.startswith(("delete", "retain"))]

    for step in steps:
        stack = stack_before(changed, name)
        before = {part: known["Properties"] for part, known in stack.deployed.items()}
        with pytest.raises(StackFailedError, match="made to fail"):
            stack.deploy(changed[name][1], lambda part, _, step=step: part == step)  # type: ignore[misc]
        assert {part: known["Properties"] for part, known in stack.deployed.items()} == before, step
        assert stack.status == "UPDATE_ROLLBACK_COMPLETE"


def test_the_reverse_of_an_added_csv_column_is_refused_when_it_is_no_rollback(
    changed: dict[str, tuple[Template, Template]],
) -> None:
    before, after = changed["columns-csv-added"]
    stack = Stack()
    stack.deploy(after)

    with pytest.raises(StackFailedError, match="Add columns at the end"):
        stack.deploy(before)


def test_the_guard_is_there_without_attachment_and_with_a_created_table(
    templates: dict[str, Template],
) -> None:
    for case in ("envelope-in-shared-bucket", "created-by-event"):
        assert len(templates[case].ids(GUARD)) == 1


# What is deployed


@pytest.mark.parametrize("name", ["format", "date_column", "partition_by", "columns-csv-moved", "row"])
def test_without_a_record_firehose_and_glue_are_asked(
    changed: dict[str, tuple[Template, Template]], name: str
) -> None:
    stack = stack_before(changed, name)
    stack.s3.objects.clear()

    with pytest.raises(StackFailedError) as raised:
        stack.deploy(changed[name][1])

    assert REFUSED[name] in str(raised.value)


def test_a_record_that_cannot_be_read_is_no_permission(changed: dict[str, tuple[Template, Template]]) -> None:
    """Without its key in the policy the record is AccessDenied; Firehose then says which key is missing."""
    stack = stack_before(changed, "kms_key_arn-changed")
    stack.s3 = _Denying()

    with pytest.raises(StackFailedError, match="add kms_previous_key_arns"):
        stack.deploy(changed["kms_key_arn-changed"][1])


class _Denying(AccountS3):
    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        raise client_error("AccessDenied", "GetObject", 403)


def onto_retained(template: Template, bucket: str) -> Template:
    """Return the template as [deploy] bucket = NAME makes it: the guard knows the bucket by its name."""
    document = json.loads(json.dumps(template.document))
    for resource in document["Resources"].values():
        if resource["Type"] == GUARD:
            wanted = json.loads(resource["Properties"]["Layout"]) | {"bucket": bucket}
            resource["Properties"]["Layout"] = json.dumps(wanted)
    return Template(document)


@pytest.mark.parametrize("record", [True, False], ids=["record", "objects alone"])
def test_a_redeployment_onto_a_retained_bucket_with_another_layout_is_refused(
    changed: dict[str, tuple[Template, Template]], record: bool
) -> None:
    before, after = changed["date_column"]
    s3 = retained_bucket(before, record)

    with pytest.raises(StackFailedError, match=r"date_column is \"day\", but the deployed value is \"dt\""):
        Stack(s3=s3).deploy(onto_retained(after, "retained"))


@pytest.mark.parametrize("record", [True, False], ids=["record", "objects alone"])
def test_a_redeployment_onto_a_retained_bucket_with_the_same_layout_passes(
    changed: dict[str, tuple[Template, Template]], record: bool
) -> None:
    before, _ = changed["date_column"]
    stack = Stack(s3=retained_bucket(before, record))
    stack.deploy(onto_retained(before, "retained"))

    assert stack.status == "CREATE_COMPLETE"


def test_a_record_without_rows_does_not_bind_a_new_stack(
    changed: dict[str, tuple[Template, Template]],
) -> None:
    """A first deployment that failed late, or whose rows were all deleted, leaves only the record."""
    before, after = changed["date_column"]
    s3 = retained_bucket(before, record=True)
    del s3.objects["retained", "archive/Devices/dt=2026-11-21/x.jsonl.gz"]
    stack = Stack(s3=s3)
    stack.deploy(onto_retained(after, "retained"))

    assert stack.status == "CREATE_COMPLETE"


def retained_bucket(template: Template, record: bool) -> AccountS3:
    """Return a bucket with rows of an earlier stack, with or without its layout record."""
    s3 = AccountS3()
    s3.put_object(Bucket="retained", Key="archive/Devices/dt=2026-11-21/x.jsonl.gz", Body=b"")
    if record:
        wanted = template.one(RECORD)["Layout"]
        s3.put_object(Bucket="retained", Key=record_key("Devices"), Body=wanted.encode())
    return s3


def test_the_record_is_what_the_guard_wanted(defaults: Template) -> None:
    stack = Stack()
    stack.dynamodb.table = "defaults"
    stack.deploy(defaults)
    written = json.loads(stack.s3.body(record_key("defaults")))

    assert written["date_column"] == "dt"
    assert written["files"] == "jsonl"
    assert Layout.from_json(json.dumps(written)).table == "defaults"


def test_the_record_is_among_the_tables_own_records() -> None:
    """The functions' zip has no module of the transform, so that the name is written out there."""
    assert record_key("devices") == f"{layout.records_folder('devices')}layout.json"


def test_deleting_the_record_keeps_the_object(defaults: Template) -> None:
    stack = Stack(drained=True)
    stack.dynamodb.table = "defaults"
    stack.deploy(defaults)
    stack.delete()

    assert stack.s3.listed("replay/table=defaults/") == [record_key("defaults")]


# Preflight


def first_deployment_fails(stack: Stack, template: Template) -> str:
    """Deploy for the first time; return the reason of the failure, and assert that nothing is left."""
    with pytest.raises(StackFailedError) as raised:
        stack.deploy(template)
    assert [entry for entry in stack.log if entry.startswith("retain")] == []
    assert stack.deployed == {}
    return str(raised.value)


def test_a_missing_table_leaves_nothing_behind(defaults: Template) -> None:
    assert "There is no table defaults" in first_deployment_fails(Stack(), defaults)


def test_another_ttl_attribute_leaves_nothing_behind(defaults: Template) -> None:
    stack = Stack()
    stack.dynamodb.table, stack.dynamodb.ttl["AttributeName"] = "defaults", "other"

    assert 'on attribute "other"' in first_deployment_fails(stack, defaults)


def test_a_table_with_another_stream_leaves_nothing_behind(defaults: Template) -> None:
    stack = Stack()
    stack.dynamodb.table = "defaults"
    stack.dynamodb.found["arn:aws:kinesis:us-east-1:123456789012:stream/other"] = active()

    assert "already streams to" in first_deployment_fails(stack, defaults)


def test_a_taken_database_name_leaves_nothing_behind(defaults: Template) -> None:
    stack = Stack(databases={"ttl_archive_defaults"})
    stack.dynamodb.table = "defaults"

    assert "choose another [deploy] database" in first_deployment_fails(stack, defaults)


def test_a_table_that_exists_is_not_created(templates: dict[str, Template]) -> None:
    stack = Stack()
    stack.dynamodb.table = "created-by-event"

    reason = first_deployment_fails(stack, templates["created-by-event"])

    assert 'Set table = "existing"' in reason


def test_a_bucket_that_does_not_exist_leaves_nothing_behind(defaults: Template) -> None:
    stack = Stack()
    stack.dynamodb.table = "defaults"

    reason = first_deployment_fails(stack, onto_retained(defaults, "missing-bucket"))

    assert 'bucket is "missing-bucket", which answers 404' in reason


def test_every_reason_is_reported_at_once(defaults: Template) -> None:
    reason = first_deployment_fails(Stack(databases={"ttl_archive_defaults"}), defaults)

    assert "(1) There is no table" in reason
    assert "(2) The Glue database" in reason


def test_a_key_whose_policy_lacks_a_statement_is_refused_with_the_statement(
    templates: dict[str, Template],
) -> None:
    stack = Stack()
    stack.dynamodb.table = "every-option"
    (arn,) = operations_keys(templates["every-option"])
    stack.key_policies = {arn: {"Statement": complete_policy()["Statement"]}}
    stack.key_policies[arn]["Statement"][0]["Principal"] = {"Service": "cloudwatch.amazonaws.com"}

    reason = first_deployment_fails(stack, templates["every-option"])

    assert '"Principal": {"Service": "logs.us-east-1.amazonaws.com"}' in reason
    assert '"Principal": {"Service": "cloudwatch.amazonaws.com"}' not in reason


# Draining


def test_a_stack_is_not_deleted_before_it_is_drained(defaults: Template) -> None:
    stack = Stack()
    stack.dynamodb.table = "defaults"
    stack.deploy(defaults)

    with pytest.raises(
        StackFailedError, match=r"before it is drained: 5 records entered .* ttl-archive drain"
    ):
        stack.delete()

    # Gone are the attachment, which is wanted, with its function, and the resource that wrote the record.
    gone = set(defaults.resources) - set(stack.deployed)
    assert all(name.startswith(("ArchiveTable", "ArchiveGuardRecord")) for name in gone), gone
    (status,) = {entry["DestinationStatus"] for entry in stack.dynamodb.found.values()}
    assert status == "DISABLED"  # the next attempt has only the delivery stream to wait for


def test_a_drained_stack_is_deleted(defaults: Template) -> None:
    stack = Stack(drained=True)
    stack.dynamodb.table = "defaults"
    stack.deploy(defaults)
    stack.delete()

    assert stack.deployed == {}


def test_a_replaced_delivery_stream_is_refused_until_the_old_one_is_drained(defaults: Template) -> None:
    document = json.loads(json.dumps(defaults.document))
    (name,) = defaults.ids("AWS::KinesisFirehose::DeliveryStream")
    renamed = json.loads(json.dumps(document).replace(name, name.replace("Delivery", "Other")))
    stack = Stack()
    stack.dynamodb.table = "defaults"
    stack.deploy(defaults)

    with pytest.raises(StackFailedError, match="before it is drained"):
        stack.deploy(Template(renamed))

    assert name in stack.deployed


def test_a_failed_first_deployment_is_rolled_back_although_nothing_is_drained(defaults: Template) -> None:
    stack = Stack()
    stack.dynamodb.table = "defaults"
    (destination,) = defaults.ids("Custom::StreamingDestination")

    with pytest.raises(StackFailedError, match="made to fail"):
        stack.deploy(defaults, lambda name, _: name == destination)

    assert stack.status == "ROLLBACK_COMPLETE"
    assert stack.deployed == {}


# The rules alone

LAYOUT = Layout("t", "d", "", "dt", "csv", "flat", "arrival", ("a string", "b string"), "")


@pytest.mark.parametrize("unknown", ["row", "partition_by"])
def test_what_is_unknown_is_not_compared(unknown: str) -> None:
    assert incompatible_changes(LAYOUT, replace(LAYOUT, **{unknown: ""})) == []


def test_a_layout_survives_json() -> None:
    assert Layout.from_json(LAYOUT.to_json()) == LAYOUT


@pytest.mark.parametrize("text", ["{}", "[]", "nothing"])
def test_damaged_json_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Layout.from_json(text)
