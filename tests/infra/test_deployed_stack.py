"""`check-config --deployed`: before a deployment, it answers what the guard of the stack would answer."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.infra.cloudformation import Stack
from tests.infra.templates import Template
from tests.infra.test_layout_guard import REFUSED, stack_before
from tests.infra.update_matrix import CHANGES, documents, parameters, settings_of
from ttl_archive.infra import check_config as command
from ttl_archive.infra.deployed_stack import StackError, update_problems
from ttl_archive.transform.errors import SettingsError

Changed = dict[str, tuple[Template, Template]]


def answer(changed: Changed, name: str) -> list[str]:
    stack = stack_before(changed, name)
    settings, deploy = settings_of(documents(CHANGES[name])[1])
    return update_problems(stack.clients, settings, deploy, "archive")


@pytest.mark.parametrize("name", REFUSED)
def test_a_change_that_the_guard_refuses_is_reported_with_its_way_out(changed: Changed, name: str) -> None:
    assert any(REFUSED[name] in problem for problem in answer(changed, name))


@pytest.mark.parametrize("name", parameters(name for name in CHANGES if name not in REFUSED))
def test_a_change_that_the_guard_accepts_is_accepted(changed: Changed, name: str) -> None:
    assert answer(changed, name) == []


def test_a_stack_that_does_not_exist_is_reported(changed: Changed) -> None:
    settings, deploy = settings_of(documents(CHANGES["format"])[0])

    with pytest.raises(StackError, match="The stack other cannot be described"):
        update_problems(Stack().clients, settings, deploy, "other")


def test_a_stack_of_something_else_is_reported() -> None:
    settings, deploy = settings_of(documents(CHANGES["format"])[0])

    with pytest.raises(StackError, match="no output BucketName and no output Database"):
        update_problems(Stack().clients, settings, deploy, "archive")


@pytest.mark.parametrize(("name", "accepted"), [("memory_mb", True), ("date_column", False)])
def test_the_command_says_whether_the_stack_accepts_the_file(
    changed: Changed, name: str, accepted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_before(changed, name)
    monkeypatch.setattr(command, "Clients", lambda: stack.clients)
    change: Any = CHANGES[name]
    file = tmp_path / "archive.toml"
    file.write_text(f'[table]\nname = "Devices"\nttl_attribute = "expiredAt"\n{change.after}')

    result = CliRunner().invoke(command.check_config, ["--config", str(file), "--deployed", "archive"])

    if accepted:
        assert "The stack archive accepts this configuration." in result.output
    else:
        assert isinstance(result.exception, SettingsError)
        assert "date_column" in str(result.exception)
