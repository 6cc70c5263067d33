"""Every change of every key, as templates before and after, compared as data with the resource schemas."""

from typing import Any

import pytest

from tests.infra.cloudformation import Stack, StackFailedError, replaced_by
from tests.infra.templates import Template, listed
from tests.infra.test_layout_guard import REFUSED
from tests.infra.test_readme import README
from tests.infra.update_matrix import CHANGES, parameters
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.export.export_settings import ExportSettings
from ttl_archive.infra.update_rules import LATER, later_table
from ttl_archive.transform.ingest_settings import Ingest
from ttl_archive.transform.setting_rules import rules_of
from ttl_archive.transform.settings import Output, Select, Table

Pair = tuple[Template, Template]
DELIVERY, GLUE = "AWS::KinesisFirehose::DeliveryStream", "AWS::Glue::Table"
KEEPS_DATA = {"AWS::S3::Bucket", "AWS::Kinesis::Stream", "AWS::DynamoDB::Table", "AWS::SQS::Queue", DELIVERY}
SECTIONS = {"table": Table, "select": Select, "output": Output, "deploy": Deploy}
LATER_SECTIONS = {"export": ExportSettings, "ingest": Ingest}
READING = {"kms:Decrypt", "s3:GetObject", "kinesis:GetRecords", "s3:ListBucket"}
# Refused for what exists outside the templates: a table that is there, TTL on another attribute.
REFUSED_BY_PREFLIGHT = {"table", "ttl_attribute"}


def hazards(before: Template, after: Template) -> list[str]:
    """Return what the change would replace, take away or hide."""
    return [
        *_replaced(before, after),
        *_permissions_lost(before, after),
        *_hidden(before, after),
    ]


def _replaced(before: Template, after: Template) -> list[str]:
    found = []
    for name, resource in before.resources.items():
        kind = resource["Type"]
        if kind not in KEEPS_DATA and kind != "AWS::Glue::Database":
            continue
        if name not in after.resources:
            found.append(f"{name} is removed")
        elif replaced := replaced_by(kind, _properties(before, name), _properties(after, name)):
            found.append(f"{name} is replaced by {sorted(replaced)}")
        elif kind == "AWS::Glue::Database" and _properties(before, name) != _properties(after, name):
            found.append(f"{name} is renamed, which Glue cannot do")
        elif kind == "AWS::DynamoDB::Table" and _key(before, name) != _key(after, name):
            found.append(f"{name} has another key")
    return found


def _permissions_lost(before: Template, after: Template) -> list[str]:
    """Return what a role could read before and cannot afterwards."""
    lost = []
    for role in set(before.ids("AWS::IAM::Role")) & set(after.ids("AWS::IAM::Role")):
        for action in READING:
            gone = _resources(before, role, action) - _resources(after, role, action)
            lost += [f"{role} loses {action} on {resource}" for resource in gone]
    return lost


def _resources(template: Template, role: str, action: str) -> set[str]:
    return {
        resource
        for statement in template.statements(f"^{role}$")
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def _hidden(before: Template, after: Template) -> list[str]:
    """Return how new rows would differ from old ones in a way that one Glue table cannot read."""
    old, new = (_row_format(template) for template in (before, after))
    found = [f"{name} changes from {old[name]} to {new[name]}" for name in old if old[name] != new[name]]
    if old["extension"] == ".csv.gz" and _columns(after)[: len(_columns(before))] != _columns(before):
        found.append("the order of the CSV columns changes")
    kinds = dict(_columns(after))
    if old["extension"] is None and any(kinds.get(name, kind) != kind for name, kind in _columns(before)):
        found.append("the type of a Parquet column changes")
    return found


def _row_format(template: Template) -> dict[str, Any]:
    both = template.every(DELIVERY).values()
    destination, *others = [delivery["ExtendedS3DestinationConfiguration"] for delivery in both]
    assert all(other["Prefix"] == destination["Prefix"] for other in others)
    return {
        "prefix": destination["Prefix"],
        "extension": destination.get("FileExtension"),
        "envelope": "new_image" in dict(_columns(template)),
        "bucket": destination["BucketARN"],
        "partitioning": "DynamicPartitioningConfiguration" in destination,
    }


def _columns(template: Template) -> list[tuple[str, str]]:
    for table in template.every(GLUE).values():
        storage = table["TableInput"]["StorageDescriptor"]
        if "/archive/" in storage.get("Location", ""):
            return [(column["Name"], column["Type"]) for column in storage["Columns"]]
    raise AssertionError("no table over the archive")


def _key(template: Template, name: str) -> Any:
    return _properties(template, name)["KeySchema"]


def _properties(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = template.resolve(template.resources[name].get("Properties", {}))
    return found


@pytest.mark.parametrize("name", parameters(name for name in CHANGES if name not in REFUSED))
def test_an_allowed_change_has_no_hazard(changed: dict[str, Pair], name: str) -> None:
    assert hazards(*changed[name]) == []


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in REFUSED_BY_PREFLIGHT])
def test_a_refused_change_has_one(changed: dict[str, Pair], name: str) -> None:
    """Else the refusal would be needless, or the comparison blind."""
    assert hazards(*changed[name])


@pytest.mark.parametrize("name", parameters(name for name in CHANGES if name not in REFUSED))
def test_an_allowed_change_deletes_nothing_that_buffers(changed: dict[str, Pair], name: str) -> None:
    before, after = changed[name]
    kept = {part for part, resource in before.resources.items() if resource["Type"] in KEEPS_DATA}

    assert kept <= set(after.resources)


def test_every_key_has_a_change() -> None:
    keys = {name.partition("-")[0] for name in CHANGES}
    declared = {key for section in SECTIONS.values() for key in rules_of(section)}
    later = {f"{name}.{key}" for name, section in LATER_SECTIONS.items() for key in rules_of(section)}

    assert keys == declared - {"stack_name"} | {"columns", "reports"} | later


def test_every_change_is_one(changed: dict[str, Pair]) -> None:
    """A change whose templates are equal would prove nothing; some keys are only in the function's zip."""
    only_in_zip = {"changes", "infer_replica_ttl", "nested", "image", "columns-retyped"} | {
        f"ingest.{key}" for key in ("keys", "time", "retention_days", "readings", "take", "duplicates")
    }
    equal = {name for name, (before, after) in changed.items() if before.document == after.document}

    assert equal <= only_in_zip | {"keys"}


def test_the_comparison_can_fail(changed: dict[str, Pair]) -> None:
    before, after = changed["stream_mode"]
    without = Template({"Resources": {k: v for k, v in after.resources.items() if v["Type"] != DELIVERY}})

    assert _replaced(before, without)


# The table in README.md


def test_the_rules_have_every_key_in_the_settings_order() -> None:
    sections = SECTIONS | LATER_SECTIONS

    assert {name: list(LATER[name]) for name in sections} == {
        name: list(rules_of(section)) for name, section in sections.items()
    }
    assert set(LATER) == {*sections, "columns", "reports"}


def test_the_rules_are_what_the_guard_does() -> None:
    refused = {name for name in REFUSED if "-" not in name and name not in ("ttl_attribute",)}
    ruled = {key for keys in LATER.values() for key, change in keys.items() if change.refused}

    assert ruled == refused


def test_the_readme_has_the_table_of_the_rules() -> None:
    assert later_table() in README


def test_a_database_or_table_name_that_clashes_would_fail(changed: dict[str, Pair]) -> None:
    """Without the guard, CloudFormation refuses the second resource of a name, after other parts changed."""
    before, after = changed["partition_key"]
    stack = Stack()
    stack.dynamodb.table = "none"
    stack.deploy(before)
    document = {
        "Resources": {
            name: resource
            for name, resource in after.resources.items()
            if not resource["Type"].startswith("Custom::")
        }
    }

    with pytest.raises(StackFailedError, match="Devices already exists"):
        stack.deploy(Template(document))
