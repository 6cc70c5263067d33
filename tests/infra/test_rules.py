"""Rules for partition projection that cfn-lint does not know, each shown to be able to fail.

Source: Athena User Guide, partition projection; the prefixes' rules are those of the local Firehose.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.infra.templates import Template
from ttl_archive.infra.local.firehose import prefixes

Rule = Callable[[dict[str, Any], str], bool]
DAY = "2026-12-30"


def enabled(table: dict[str, Any], prefix: str) -> bool:
    """Projection is on, and every partition column has a type."""
    parameters = table["Parameters"]
    typed = all(f"projection.{column['Name']}.type" in parameters for column in table["PartitionKeys"])
    return parameters.get("projection.enabled") == "true" and typed


def template_names_columns(table: dict[str, Any], prefix: str) -> bool:
    """The location template names every partition column, and ends with a slash."""
    template = table["Parameters"]["storage.location.template"]
    named = set(re.findall(r"\$\{(\w+)\}", template))
    return template.endswith("/") and named == {column["Name"] for column in table["PartitionKeys"]}


def template_lies_in_the_location(table: dict[str, Any], prefix: str) -> bool:
    """The template continues the table's location."""
    location = table["StorageDescriptor"]["Location"]
    return location.endswith("/") and str(table["Parameters"]["storage.location.template"]).startswith(
        location
    )


def folder_is_what_firehose_writes(table: dict[str, Any], prefix: str) -> bool:
    """A day's folder is the one that the delivery stream's prefix evaluates to."""
    (column,) = (column["Name"] for column in table["PartitionKeys"])
    template = table["Parameters"]["storage.location.template"].split("/", 3)[3]
    surroundings = prefixes.Surroundings(
        datetime(2026, 12, 30, 12, tzinfo=UTC),
        partition_keys={column: DAY},
    )
    written = prefixes.evaluate_prefix(prefixes.parse_prefix(prefix, "Prefix"), surroundings)
    return written.startswith(template.replace(f"${{{column}}}", DAY))


def dates_are_iso(table: dict[str, Any], prefix: str) -> bool:
    """A date column is text in the format of the folders, which is ISO."""
    return all(
        table["Parameters"].get(f"projection.{column['Name']}.format") == "yyyy-MM-dd"
        and column["Type"] == "string"
        for column in table["PartitionKeys"]
    )


def range_begins_on_a_fixed_day(table: dict[str, Any], prefix: str) -> bool:
    """The range does not move away from old rows, and has room for clocks that are ahead."""
    ranges = [table["Parameters"].get(f"projection.{c['Name']}.range", "") for c in table["PartitionKeys"]]
    return all(re.fullmatch(r"\d{4}-\d\d-\d\d,NOW\+1DAYS", found) for found in ranges)


def no_type_is_unknown(table: dict[str, Any], prefix: str) -> bool:
    """Types are Hive's."""
    known = r"string|bigint|double|boolean|timestamp|decimal\(\d+,\d+\)"
    return all(re.fullmatch(known, c["Type"]) for c in table["StorageDescriptor"]["Columns"])


RULES: dict[Rule, Callable[[dict[str, Any]], Any]] = {
    enabled: lambda table: table["Parameters"].pop("projection.enabled"),
    template_names_columns: lambda table: table["PartitionKeys"].append({"Name": "hour", "Type": "string"}),
    template_lies_in_the_location: lambda table: table["StorageDescriptor"].update(Location="s3://other/"),
    folder_is_what_firehose_writes: lambda table: table["Parameters"].update(
        {"storage.location.template": "s3://b/archive/${" + table["PartitionKeys"][0]["Name"] + "}/"}
    ),
    dates_are_iso: lambda table: table["PartitionKeys"][0].update(Type="date"),
    range_begins_on_a_fixed_day: lambda table: table["Parameters"].update(
        {f"projection.{table['PartitionKeys'][0]['Name']}.range": "NOW-3YEARS,NOW"}
    ),
    no_type_is_unknown: lambda table: table["StorageDescriptor"]["Columns"][0].update(Type="json"),
}


def archive(template: Template) -> tuple[dict[str, Any], str]:
    delivery = template.one("AWS::KinesisFirehose::DeliveryStream")["ExtendedS3DestinationConfiguration"]
    return template.one("AWS::Glue::Table", "CatalogArchive")["TableInput"], delivery["Prefix"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_template_keeps_the_rule(kinesis_template: Template, rule: Rule) -> None:
    assert rule(*archive(kinesis_template)), rule.__doc__


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_can_be_broken(defaults: Template, rule: Rule) -> None:
    table, prefix = archive(defaults)
    broken = deepcopy(table)
    RULES[rule](broken)

    assert not rule(broken, prefix)
