"""Athena's workgroup and the saved queries."""

from pathlib import Path

from tests.infra.stacks import KEY_ARN, deploy_of, settings_of
from tests.infra.templates import Template
from ttl_archive import infra
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.history_relation import has_history
from ttl_archive.infra.sql.saved_queries import HISTORY_QUERIES, saved_queries

WORKGROUP = "AWS::Athena::WorkGroup"
FILES = sorted(file.stem for file in (Path(infra.__file__).parent / "sql" / "queries").glob("*.sql"))


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


def test_a_stack_that_keeps_a_history_has_the_queries_for_it(templates: dict[str, Template]) -> None:
    found = {
        case: {query["Name"] for query in template.every("AWS::Athena::NamedQuery").values()}
        & set(HISTORY_QUERIES)
        for case, template in templates.items()
    }

    assert found["both-roads"] == set(HISTORY_QUERIES)
    assert len(HISTORY_QUERIES) == 4
    assert {case for case, queries in found.items() if queries} == {"both-roads"}


def test_every_file_of_queries_is_saved_with_a_description(template: Template, case: str) -> None:
    queries = {query["Name"]: query for query in template.every("AWS::Athena::NamedQuery").values()}

    keeps_history = has_history(settings_of(case))
    assert sorted(queries) == [name for name in FILES if keeps_history or name not in HISTORY_QUERIES]
    for query in queries.values():
        assert query["Description"].endswith((".", ")."))
        assert query["Database"] == deploy_of(case).database
    texts = {name: query["QueryString"] for name, query in queries.items()}
    assert texts == {name: q.sql for name, q in saved_queries(settings_of(case), AthenaDialect()).items()}
