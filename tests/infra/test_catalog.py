"""Glue's tables, as the template has them."""

from typing import Any

import pytest

from tests.infra.stacks import CASES, deploy_of, settings_of, table_of
from tests.infra.templates import Template

GLUE = "AWS::Glue::Table"
METADATA = [
    "ddb_table",
    "ddb_event_id",
    "ddb_event_name",
    "ddb_event_time",
    "ddb_event_us",
    "ddb_removed_by",
    "ddb_image",
]
OWN = ["device_id", "temperature", "seen", "place", "order"]
COLUMNS = {
    "defaults": [*METADATA, *OWN, "ddb_own_device_id"],
    "csv-by-event": [*METADATA, "ddb_rest", *OWN],
    "parquet-with-backup": [*METADATA, *OWN, "ddb_own_device_id"],
    "envelope-in-shared-bucket": [*METADATA, "keys", "new_image", "old_image"],
    "created-by-event": [*METADATA, *OWN, "ddb_own_device_id"],
    "every-option": [*METADATA, *OWN, "ddb_own_device_id", "ddb_ttl"],  # backfilled: compared by TTL
    "streams": [*METADATA, *OWN, "ddb_own_device_id"],
    "both-roads": [*METADATA, *OWN, "ddb_own_device_id"],
    "streams-in-shared-bucket": [*METADATA, "ddb_rest", "device_id"],
    "longest-name": [*METADATA, *OWN, "ddb_own_device_id"],
}


def table(template: Template, like: str = "CatalogArchiveFiles") -> dict[str, Any]:
    found: dict[str, Any] = template.one(GLUE, like)["TableInput"]
    return found


def serde(template: Template, like: str = "CatalogArchiveFiles") -> dict[str, Any]:
    found: dict[str, Any] = table(template, like)["StorageDescriptor"]["SerdeInfo"]
    return found


def test_there_are_two_tables_and_every_column_is_text(template: Template, case: str) -> None:
    tables = [found["TableInput"] for found in template.every(GLUE).values()]

    assert {found["Name"] for found in tables} == {"archive_files", "error_files"}
    assert {c["Type"] for found in tables for c in found["StorageDescriptor"]["Columns"]} == {"string"}
    assert [column["Name"] for column in table(template)["StorageDescriptor"]["Columns"]] == COLUMNS[case]


def test_folders_are_days_in_utc_from_a_fixed_day_on(template: Template, case: str) -> None:
    date = settings_of(case).output.date_column
    found = table(template)

    assert found["PartitionKeys"] == [{"Name": date, "Type": "string"}]
    assert found["Parameters"][f"projection.{date}.range"] == "2020-11-01,NOW+1DAYS"
    location = found["Parameters"]["storage.location.template"]
    assert location.endswith(f"/archive/{table_of(case)}/{date}=${{{date}}}/")


def test_restored_objects_are_read(template: Template) -> None:
    assert table(template)["Parameters"]["read_restored_glacier_objects"] == "true"


@pytest.mark.parametrize("case", [case for case in CASES if settings_of(case).output.format == "jsonl"])
def test_json_keys_are_matched_by_case_and_a_broken_line_is_a_row_of_nulls(
    templates: dict[str, Template], case: str
) -> None:
    if deploy_of(case).parquet:
        return
    found = serde(templates[case])
    properties = found["Parameters"]

    assert found["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    assert properties["case.insensitive"] == "false"
    assert properties["ignore.malformed.json"] == "true"
    mapped = {name.removeprefix("mapping."): key for name, key in properties.items() if "mapping." in name}
    own = {"ddb_own_device_id": "deviceID"} if "device_id" in COLUMNS[case] else {}
    own |= {"ddb_ttl": "expiredAt"} if "ddb_ttl" in COLUMNS[case] else {}
    assert mapped == {name: name for name in COLUMNS[case]} | own


def test_csv_has_the_escape_that_the_writer_uses(templates: dict[str, Template]) -> None:
    assert serde(templates["csv-by-event"]) == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "Parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
    }


def test_parquet_is_read_by_the_text_table_that_firehose_converts_by(templates: dict[str, Template]) -> None:
    template = templates["parquet-with-backup"]
    found = table(template)["StorageDescriptor"]
    delivery = template.one("AWS::KinesisFirehose::DeliveryStream")["ExtendedS3DestinationConfiguration"]
    conversion = delivery["DataFormatConversionConfiguration"]
    deserializer = conversion["InputFormatConfiguration"]["Deserializer"]["OpenXJsonSerDe"]

    assert found["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert found["InputFormat"].endswith("MapredParquetInputFormat")
    assert conversion["SchemaConfiguration"]["TableName"] == "archive_files"
    assert deserializer["ColumnToJsonKeyMappings"] == {"ddb_own_device_id": "deviceID"}


def test_error_objects_are_a_table_of_their_own(template: Template, case: str) -> None:
    errors = table(template, "CatalogErrorFiles")

    assert errors["StorageDescriptor"]["Location"].endswith(f"/errors/{table_of(case)}/")
    assert "PartitionKeys" not in errors
    assert serde(template, "CatalogErrorFiles")["Parameters"]["case.insensitive"] == "true"


def test_every_table_is_in_the_database(template: Template, case: str) -> None:
    databases = {found["DatabaseName"] for found in template.every(GLUE).values()}

    assert databases == {deploy_of(case).database}
    assert template.one("AWS::Glue::Database")["DatabaseInput"]["Name"] == deploy_of(case).database
