"""[[reports]] of archive.toml: every mistake names the file, the entry, the key and what to do."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.cli import cli
from ttl_archive.infra.scheduled_reports import report_sql
from ttl_archive.infra.scheduled_reports.report_settings import ReportSettings, load_reports
from ttl_archive.infra.scheduled_reports.report_warnings import report_warnings
from ttl_archive.infra.synth import synth
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.settings import Settings, parse

DAYS = ["{first_day}", "{last_day}"]
TABLE = {"name": "devices", "ttl_attribute": "ttl"}


def settings_with(*reports: dict[str, Any], file: str = "archive.toml") -> Settings:
    """Settings with these reports and one column, device_id."""
    document = {"table": TABLE, "columns": [{"name": "device_id"}], "reports": list(reports)}
    return parse(document, file, deploy_settings.SECTIONS)


def test_without_the_section_there_is_no_report() -> None:
    assert load_reports(parse({"table": TABLE})) == ()


def test_a_report_has_defaults() -> None:
    (found,) = load_reports(settings_with({"name": "failed", "query": "errors_by_code"}))

    assert found.settings == ReportSettings(name="failed", query="errors_by_code")
    assert (found.settings.every, found.settings.at, found.settings.topic) == ("month", "06:00", None)
    assert found.sql.endswith("ORDER BY records DESC, 1, 2, 3")


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        ({"query": "misfits"}, r"\[\[reports\]\] 1 name is missing"),
        ({"name": "a/b", "query": "misfits"}, r'name has value "a/b". It must be up to 40 lower-case'),
        ({"name": "a", "query": "misfits", "evry": "day"}, '"evry" is not a key.*Did you mean "every"'),
        ({"name": "a", "query": "misfits", "every": "year"}, 'every has value "year".*"day", "week"'),
        ({"name": "a", "query": "misfits", "at": "6:00"}, 'at has value "6:00". It must be a time in UTC'),
        ({"name": "a", "query": "misfits", "at": "24:00"}, 'at has value "24:00"'),
        ({"name": "a", "query": "misfits", "topic": "x"}, "topic has value .*the ARN of an SNS topic"),
        ({"name": "a", "query": "misfits", "parameters": [1]}, r"parameters has value \[1\]. It must be"),
        ({"name": "a"}, "1 needs one of query, sql and file, and has none of them"),
        ({"name": "a", "query": "x", "sql": "SELECT 1"}, "and has query and sql"),
        ({"name": "a", "query": "misfit"}, '"misfit", which is no saved query. Did you mean misfits?'),
        (
            {"name": "a", "query": "misfits"},
            r'takes 2 parameters, and 0 are given.*Write parameters = \["{first_day}", "{last_day}"\]',
        ),
        (
            {"name": "a", "query": "find_item", "parameters": ["x"]},
            r'takes 3 parameters, and 1 is given.*\["{first_day}", "{last_day}", "…"\]',
        ),
        ({"name": "a", "query": "errors_by_code", "parameters": DAYS}, "takes 0 .*Remove parameters"),
        (
            {"name": "a", "query": "misfits", "parameters": ["{first_day}", "{lst_day}"]},
            '1 parameters: "lst_day" is not a word in braces. Did you mean "last_day"?',
        ),
        ({"name": "a", "sql": "DROP TABLE x"}, "sql: a report is one query that begins with SELECT or WITH"),
        ({"name": "a", "sql": "SELECT ? FROM archive"}, "sql: it takes 1 parameter, and 0 are given"),
        ({"name": "a", "sql": "SELECT 1; SELECT 2"}, "sql: One query is answered at a time"),
        ({"name": "a", "sql": "SELECT device FROM archive"}, "resolved. Did you mean device_id"),
        ({"name": "a", "sql": "SELECT 1 FROM archiv"}, "'archiv' does not exist. Did you mean archive"),
        ({"name": "a", "sql": "SELECT (1 FROM archive_files"}, "sql: line 1"),
        ({"name": "a", "file": "none.sql"}, "file is none.sql, which cannot be read: No such file"),
        ({"name": "a", "sql": f"SELECT '{'x' * 200_000}'"}, "sql: the SQL is longer than the 200,000 bytes"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported(report: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=f"archive.toml: (.|\n)*{problem}"):
        load_reports(settings_with(report))


def test_every_mistake_is_reported_at_once() -> None:
    first = {"name": "a", "query": "misfit"}
    with pytest.raises(SettingsError) as raised:
        load_reports(settings_with(first, {"name": "a", "sql": "x"}))

    assert len(raised.value.problems) == 3
    assert '[[reports]] 2 name is "a", which an earlier report has' in raised.value.problems[-1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM archive_unique",
        "-- why?\nWITH a AS (SELECT 1 AS one) SELECT one FROM a;",
        "(SELECT 1) UNION (SELECT 2)",
        'SELECT "$path" FROM archive_files',
        "SELECT approx_percentile(ddb_event_us, 0.5) FROM archive",  # only Athena answers it
    ],
)
def test_a_query_is_accepted(sql: str) -> None:
    (found,) = load_reports(settings_with({"name": "a", "sql": sql}))

    assert found.sql == sql.removesuffix(";")


def test_a_file_is_found_beside_archive_toml(tmp_path: Path) -> None:
    (tmp_path / "monthly.sql").write_text("SELECT count(*) FROM archive WHERE dt BETWEEN ? AND ?;\n")
    report = {"name": "a", "file": "monthly.sql", "parameters": DAYS}

    (found,) = load_reports(settings_with(report, file=str(tmp_path / "archive.toml")))

    assert found.sql == "SELECT count(*) FROM archive WHERE dt BETWEEN ? AND ?"


def test_a_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"\xff")

    with pytest.raises(SettingsError, match="which is not UTF-8 text"):
        load_reports(settings_with({"name": "a", "file": "a.sql"}, file=str(tmp_path / "archive.toml")))


def test_without_the_parser_the_beginning_and_the_parameters_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_sql, "find_spec", lambda name: None)
    (found,) = load_reports(settings_with({"name": "a", "sql": "SELECT nothing FROM nowhere"}))

    assert report_sql.sql_warnings([found.settings]) == [
        "[[reports]] a: the SQL is not parsed, because a package is missing. To check it: pip install "
        "'ttl-archive[sql]'"
    ]
    with pytest.raises(SettingsError, match="begins with SELECT or WITH"):
        load_reports(settings_with({"name": "a", "sql": "INSERT"}))
    assert report_sql.sql_warnings([ReportSettings(name="a", query="misfits")]) == []


@pytest.mark.parametrize(
    ("every", "deploy", "warns"),
    [
        ("month", {}, True),
        ("month", {"glacier_days": 31}, False),
        ("month", {"storage_class": "GLACIER_IR"}, False),
        ("month", {"bucket": "another-bucket"}, False),
        ("week", {}, False),
        ("week", {"glacier_days": 6}, True),
        ("day", {"glacier_days": 0}, True),
        ("day", {"glacier_days": 1}, False),
    ],
)
def test_a_period_that_moves_to_glacier_before_the_run_is_a_warning(
    every: Any, deploy: dict[str, Any], warns: bool
) -> None:
    report = ReportSettings(name="a", query="misfits", every=every)
    found = report_warnings([report], deploy_settings.parse(deploy, parse({"table": TABLE})))

    assert ["their rows are not in it" in text for text in found] == [True] * warns


def test_synth_reports_a_mistake_before_it_builds_anything(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    text = '[table]\nname = "devices"\nttl_attribute = "ttl"\n[[reports]]\nname = "failed"\nfile = "a.sql"\n'
    file.write_text(text)

    with pytest.raises(SettingsError, match=r"a\.sql, which cannot be read"):
        synth(file, tmp_path / "build")
    assert not (tmp_path / "build").exists()


def test_check_config_reports_mistakes_and_warnings(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    text = '[table]\nname = "devices"\nttl_attribute = "ttl"\n[[reports]]\nname = "failed"\nquery = "{}"\n'
    file.write_text(text.format("errors_by_code"))
    result = CliRunner().invoke(cli, ["check-config", "--config", str(file)])
    assert result.exit_code == 0
    assert "Set glacier_days = 31 or more" in result.output
    printed = tomllib.loads(result.stdout)
    assert printed["reports"] == [
        {"name": "failed", "query": "errors_by_code", "parameters": [], "every": "month", "at": "06:00"}
    ]

    file.write_text(text.format("errors_by_cod"))
    with pytest.raises(SettingsError, match="Did you mean errors_by_code"):
        CliRunner().invoke(cli, ["check-config", "--config", str(file)], catch_exceptions=False)
