"""Glue's tables, as the template makes them."""

from typing import Any

import pytest

from tests.infra.stacks import CASES, deploy_of, settings_of, table_of
from tests.infra.templates import Template

GLUE = "AWS::Glue::Table"


def table(template: Template, like: str = "CatalogArchive") -> dict[str, Any]:
    found: dict[str, Any] = template.one(GLUE, like)["TableInput"]
    return found


def serde(template: Template, like: str = "CatalogArchive") -> dict[str, Any]:
    found: dict[str, Any] = table(template, like)["StorageDescriptor"]["SerdeInfo"]
    return found


def types(template: Template) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in table(template)["StorageDescriptor"]["Columns"]}


def test_the_table_has_the_columns_of_the_rows(template: Template, case: str) -> None:
    assert tuple(types(template)) == settings_of(case).row_columns


def test_restored_objects_are_read(template: Template) -> None:
    assert table(template)["Parameters"]["read_restored_glacier_objects"] == "true"


@pytest.mark.parametrize("case", [case for case in CASES if settings_of(case).output.format == "jsonl"])
def test_json_keys_are_matched_by_case(templates: dict[str, Template], case: str) -> None:
    if deploy_of(case).parquet:
        return
    found = serde(templates[case])

    assert found["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    assert found["Parameters"]["case.insensitive"] == "false"
    assert found["Parameters"]["ignore.malformed.json"] == "false"
    mapped = {name for name in found["Parameters"] if name.startswith("mapping.")}
    assert mapped == {f"mapping.{column}" for column in settings_of(case).row_columns}


def test_a_wrong_type_is_null_only_where_the_image_has_the_value(templates: dict[str, Template]) -> None:
    tolerant = {
        case: serde(templates[case])["Parameters"]["use.null.for.invalid.data"]
        for case in ("defaults", "created-by-event")
    }

    assert tolerant == {"defaults": "true", "created-by-event": "false"}


def test_csv_is_text_alone_with_the_escape_that_the_writer_uses(templates: dict[str, Template]) -> None:
    template = templates["csv-by-event"]

    assert set(types(template).values()) == {"string"}
    assert serde(template) == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "Parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
    }


def test_parquet_is_read_as_parquet(templates: dict[str, Template]) -> None:
    found = table(templates["parquet-with-backup"])["StorageDescriptor"]

    assert found["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert found["InputFormat"].endswith("MapredParquetInputFormat")
    assert types(templates["parquet-with-backup"])["ddb_event_time"] == "timestamp"


def test_error_objects_are_a_table_of_their_own(template: Template, case: str) -> None:
    errors = table(template, "CatalogErrors")

    assert errors["StorageDescriptor"]["Location"].endswith(f"/errors/{table_of(case)}/")
    assert "PartitionKeys" not in errors
    assert serde(template, "CatalogErrors")["Parameters"]["case.insensitive"] == "true"


def test_the_view_is_one_that_athena_reads(template: Template) -> None:
    view = table(template, "CatalogView")

    assert view["TableType"] == "VIRTUAL_VIEW"
    assert view["Parameters"]["presto_view"] == "true"
    assert view["ViewOriginalText"].startswith("/* Presto View: ")


def test_every_table_is_in_the_database(template: Template, case: str) -> None:
    databases = {found["DatabaseName"] for found in template.every(GLUE).values()}

    assert databases == {deploy_of(case).database}
    assert template.one("AWS::Glue::Database")["DatabaseInput"]["Name"] == deploy_of(case).database
