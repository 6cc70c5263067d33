"""infra/README.md agrees with the code."""

import ast
import re
from pathlib import Path

from ttl_archive import infra
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.scheduled_reports.report_settings import ReportSettings
from ttl_archive.transform.setting_rules import rules_of

DEPLOY = rules_of(Deploy)
FOLDER = Path(infra.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
# Defaults that are made, not written down.
MADE = {
    "stack_name": "from the table",
    "database": "from the table",
    "max_record_kib": "by `partition_by`",
}


def rows() -> dict[str, list[str]]:
    """The settings table: key -> default, allowed, reason."""
    section = README.partition("## Settings")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if "|" in line
    ]
    return {row[0].strip("`| "): row[1:] for row in cells if row[0].strip("| ").startswith("`")}


def anchors() -> set[str]:
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shown(name: str) -> str:
    default = DEPLOY[name].default
    if default is None or default == ():
        return MADE.get(name, "none")
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_setting_is_in_the_table_in_the_codes_order() -> None:
    assert list(rows()) == list(DEPLOY)


def test_every_default_is_the_codes() -> None:
    assert {name: row[0] for name, row in rows().items()} == {name: shown(name) for name in DEPLOY}


def test_every_bound_and_choice_is_the_codes() -> None:
    for name, (_, allowed, *_) in rows().items():
        key = DEPLOY[name]
        if key.least is not None:
            assert allowed == f"{key.least} to {key.most}"
        elif key.allowed and key.kind is str:
            assert allowed == ", ".join(f"`{choice}`" for choice in key.allowed)
        elif key.kind is bool:
            assert allowed == "`true`, `false`"


def test_every_setting_has_a_reason() -> None:
    assert all(len(row[2].strip("| ")) > 10 for row in rows().values())


def test_every_link_within_the_page_leads_somewhere() -> None:
    assert set(re.findall(r"\(#([^)]+)\)", README)) <= anchors()


def test_every_link_to_a_file_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!#|http)([^)#]+)[^)]*\)", README):
        assert (FOLDER / target).exists(), target


def test_every_saved_query_is_named() -> None:
    for file in (FOLDER / "sql" / "queries").glob("*.sql"):
        assert f"`{file.stem}`" in README


def test_the_example_imports_what_is_there() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ttl_archive"):
            place = FOLDER.parent.parent.joinpath(*str(node.module).split("."))
            for alias in node.names:
                source = place.with_suffix(".py")
                assert (place / f"{alias.name}.py").exists() or f" {alias.name}(" in source.read_text()


def test_the_keys_that_the_text_sets_exist() -> None:
    for name in re.findall(r"`([a-z_]+) = ", README):
        assert name in DEPLOY or name in ("format", "partition_by", "image"), name


def test_every_key_of_a_report_is_in_its_table() -> None:
    section = README.partition("## Reports on a schedule")[2].partition("\n## ")[0]
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", section, re.MULTILINE)
    rules = rules_of(ReportSettings)

    assert [name for name, _, _ in shown] == list(rules)
    for name, default, allowed in shown:
        rule = rules[name]
        if rule.is_required:
            assert default == "required"
        elif rule.default:
            assert default == f"`{rule.default}`"
        if rule.allowed:
            assert allowed == ", ".join(f"`{choice}`" for choice in rule.allowed)
