"""The identity of the transform changes when, and only when, rows or verdicts may change."""

import json
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.transform import verdict_corpus
from tests.transform.builders import settings
from tests.transform.verdict_inputs import CONFIGURATIONS
from ttl_archive.transform.settings import Column, Output, Select, Settings, Table, parse
from ttl_archive.transform.verdict_version import VERDICT_VERSION, transform_identity

ROOT = Path(__file__).parents[2]
NOT_IN_A_ROW = {"overflow", "type", "keys", "backfilled"}


def test_the_verdicts_are_those_recorded_for_this_version() -> None:
    problem = verdict_corpus.problem(verdict_corpus.recorded_corpus(), verdict_corpus.verdicts())

    assert problem is None, problem


def test_the_identities_are_those_recorded_for_this_version() -> None:
    """They are literals in a file, so that no Python version and no refactoring changes them unseen."""
    assert verdict_corpus.recorded_corpus()["identities"] == verdict_corpus.identities()


CASE = {"jsonl": ["refuse NotJson"]}


@pytest.mark.parametrize(
    ("version", "current", "expected"),
    [
        (1, {"a": CASE}, None),
        (1, {"a": {"jsonl": ["drop user-removal"]}}, "raise VERDICT_VERSION in transform/verdict_version.py"),
        (2, {"a": {"jsonl": ["drop user-removal"]}}, "recorded for verdict version 1, not 2. Run python -m"),
        (2, {"a": CASE}, "recorded for verdict version 1, not 2. Run python -m"),
        (1, {"a": CASE, "b": CASE}, "1 cases are new or gone, for example 'b'. Run python -m"),
        (1, {}, "1 cases are new or gone, for example 'a'. Run python -m"),
    ],
)
def test_a_difference_is_reported_with_what_to_do(
    version: int, current: dict[str, Any], expected: str | None
) -> None:
    problem = verdict_corpus.problem({"version": 1, "verdicts": {"a": CASE}}, current, version)

    assert problem is None if expected is None else expected in str(problem)


def test_the_command_refuses_to_record_other_verdicts_under_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = verdict_corpus.recorded_corpus()
    recorded["verdicts"][min(recorded["verdicts"])] = {"jsonl": ["deliver 1 x"]}
    monkeypatch.setattr(verdict_corpus, "RECORDED", tmp_path / "verdicts.json")
    verdict_corpus.RECORDED.write_text(json.dumps(recorded), encoding="utf-8")

    assert verdict_corpus.main() == 1
    assert "Restore the earlier verdicts" in capsys.readouterr().err
    assert verdict_corpus.recorded_corpus() == recorded

    verdict_corpus.RECORDED.write_text(json.dumps(recorded | {"version": 0}), encoding="utf-8")

    assert verdict_corpus.main() == 0
    assert verdict_corpus.recorded_corpus()["version"] == VERDICT_VERSION


def test_the_corpus_has_every_drop_rule_and_every_code_of_records_and_error_lines() -> None:
    found = {
        verdict if verdict.startswith(("refuse", "drop")) else "deliver"
        for by_configuration in verdict_corpus.recorded_corpus()["verdicts"].values()
        for verdicts in by_configuration.values()
        for verdict in verdicts
    }

    assert {"deliver", "drop not-a-removal", "drop user-removal", "drop ttl-removal"} <= found
    assert {
        "NotUtf8", "NotJson", "NotAChangeRecord", "OtherTable", "BadEventTime", "MissingImage",
        "BadAttributeValue", "BadNumber", "BadBinary", "ColumnCollision",
        "NoRawData", "BadRawData", "NotAnErrorLine", "HalfWritten", "NoPayload",
    } <= {verdict.removeprefix("refuse ") for verdict in found}  # fmt: skip
    assert not [verdict for verdict in found if "Unexpected" in verdict]


@pytest.mark.parametrize(
    ("section", "name"),
    [(part, field.name) for part in (Table, Select, Output, Column) for field in fields(part)],
)
def test_the_corpus_has_several_values_of_every_setting_that_decides_rows(section: type, name: str) -> None:
    values = {
        repr(getattr(part, name))
        for config in CONFIGURATIONS.values()
        for part in (config.table, config.select, config.output, *config.columns)
        if isinstance(part, section)
    }

    assert len(values) > 1 or name in NOT_IN_A_ROW


OTHERS: list[dict[str, Any]] = [
    {"table": {"name": "other", "ttl_attribute": "ttl"}},
    {"table": {"name": "devices", "ttl_attribute": "other"}},
    {"select": {"changes": "all"}},
    {"select": {"infer_replica_ttl": True}},
    {"output": {"format": "csv", "image": True}},
    {"output": {"nested": "flatten"}},
    {"output": {"image": False}},
    {"output": {"partition_by": "event"}},
    {"output": {"date_column": "day"}},
    {"columns": [{"name": "a", "path": "b"}]},
    {"columns": [{"name": "a", "path": ["b.c"]}]},
    {"columns": [{"name": "a"}, {"name": "b"}]},
    {"columns": [{"name": "b"}, {"name": "a"}]},
    {"columns": []},
    {"columns": [], "output": {"row": "envelope"}},
]


def document(**sections: Any) -> Settings:
    table = {"name": "devices", "ttl_attribute": "ttl"}
    return parse({"table": table, "columns": [{"name": "a"}]} | sections)


def test_every_setting_that_decides_rows_changes_the_identity() -> None:
    found = {transform_identity(config) for config in [document(), *(document(**one) for one in OTHERS)]}

    assert len(found) == 1 + len(OTHERS)


@pytest.mark.parametrize(
    "same",
    [
        {"output": {"overflow": "fail"}},
        {"table": {"name": "devices", "ttl_attribute": "ttl", "keys": ["id"]}},
        {"columns": [{"name": "a", "type": "bigint"}]},
        {"deploy": {"memory_mb": 1024}},
    ],
)
def test_what_decides_no_row_leaves_the_identity_alone(same: dict[str, Any]) -> None:
    assert transform_identity(document(**same)) == transform_identity(document())


def test_another_version_is_another_identity_of_twelve_hexadecimal_digits() -> None:
    first, second = (transform_identity(settings(), version) for version in (1, 2))

    assert first != second
    assert [len(bytes.fromhex(each)) for each in (first, second)] == [6, 6]


def test_a_comment_in_any_module_leaves_the_identity_alone(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ttl_archive", tmp_path / "ttl_archive", ignore=shutil.ignore_patterns("local"))
    for module in [*tmp_path.rglob("transform/*.py"), *tmp_path.rglob("replay/**/*.py")]:
        module.write_text(module.read_text(encoding="utf-8") + "\n# A comment.\n", encoding="utf-8")
    code = (
        "from ttl_archive.transform import settings, verdict_version as v; "
        "print(v.__file__, v.transform_identity(settings.parse("
        "{'table': {'name': 'devices', 'ttl_attribute': 'ttl'}})))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    file, identity = done.stdout.split()

    assert file.startswith(str(tmp_path))
    assert identity == transform_identity(settings())
