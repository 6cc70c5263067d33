"""Athena's workgroup and the saved queries."""

import re
from pathlib import Path

import duckdb
import pytest

from tests.infra.stacks import CASES, KEY_ARN, deploy_of, settings_of
from tests.infra.templates import Template
from ttl_archive import infra
from ttl_archive.infra.glue_catalog import ERROR_COLUMNS
from ttl_archive.infra.view import TABLE, VIEW, view_columns
from ttl_archive.infra.workgroup import saved_queries

WORKGROUP = "AWS::Athena::WorkGroup"
FILES = sorted(file.stem for file in (Path(infra.__file__).parent / "queries").glob("*.sql"))
# Athena's functions and columns that DuckDB has under other names, enough to bind a query.
MACROS = """
CREATE MACRO json_parse(text) AS text::JSON;
CREATE MACRO json_format(value) AS value::VARCHAR;
CREATE MACRO from_iso8601_timestamp(text) AS text::TIMESTAMPTZ;
CREATE MACRO date_format(day, form) AS strftime(day, form);
CREATE MACRO from_unixtime(seconds) AS to_timestamp(seconds);
CREATE MACRO from_utf8(bytes) AS decode(bytes);
"""


def test_a_query_stops_at_the_scan_limit(defaults: Template) -> None:
    found = defaults.one(WORKGROUP)["WorkGroupConfiguration"]

    assert found["BytesScannedCutoffPerQuery"] == 100 * 1024**3
    assert found["EnforceWorkGroupConfiguration"] is True
    assert found["EngineVersion"] == {"SelectedEngineVersion": "Athena engine version 3"}


def test_results_are_encrypted(templates: dict[str, Template]) -> None:
    def encryption(case: str) -> dict[str, str]:
        result = templates[case].one(WORKGROUP)["WorkGroupConfiguration"]["ResultConfiguration"]
        found: dict[str, str] = result["EncryptionConfiguration"]
        return found

    assert encryption("defaults") == {"EncryptionOption": "SSE_S3"}
    assert encryption("parquet-with-backup") == {"EncryptionOption": "SSE_KMS", "KmsKey": KEY_ARN}


def test_results_lie_in_a_bucket_of_their_own_and_expire(template: Template) -> None:
    (name,) = template.ids("AWS::S3::Bucket", "Results")
    (rule,) = template.one("AWS::S3::Bucket", "Results")["LifecycleConfiguration"]["Rules"]
    result = template.one(WORKGROUP)["WorkGroupConfiguration"]["ResultConfiguration"]

    assert rule["ExpirationInDays"] == 7
    assert result["OutputLocation"] == f"s3://{name.lower()[:60]}/"


def test_every_file_of_queries_is_saved_with_a_description(template: Template, case: str) -> None:
    queries = {query["Name"]: query for query in template.every("AWS::Athena::NamedQuery").values()}

    assert sorted(queries) == FILES
    for query in queries.values():
        assert query["Description"].endswith((".", ")."))
        assert query["Database"] == deploy_of(case).database


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("name", FILES)
def test_a_saved_query_binds_to_the_catalogs_tables(case: str, name: str) -> None:
    """Parsed, with every name and type resolved, by DuckDB; Athena itself is not at hand."""
    settings = settings_of(case)
    sql = saved_queries(settings)[name][1]
    columns = ", ".join(f'"{column.name}" {column.presto}' for column in view_columns(settings))
    text = ", ".join(f'"{column.name}" VARCHAR' for column in view_columns(settings))
    hidden = ', "$path" VARCHAR, "$file_size" BIGINT'
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        typed = text if settings.output.format == "csv" else columns
        connection.execute(f"CREATE TABLE {TABLE} ({typed}{hidden})")
        connection.execute(f"CREATE TABLE {VIEW} ({columns})")
        connection.execute(
            f"CREATE TABLE errors ({', '.join(f'{c} VARCHAR' for c in ERROR_COLUMNS)}{hidden})"
        )
        if name == "create_view":
            connection.execute(f"DROP TABLE {VIEW}")
        parameters = ["2025-11-21"] * sql.count("?")
        connection.execute(sql, parameters)


def test_no_placeholder_is_left_in_a_query() -> None:
    for _, sql in saved_queries(settings_of("defaults")).values():
        assert not re.search(r"\$(?!path|file_size)", sql), sql
