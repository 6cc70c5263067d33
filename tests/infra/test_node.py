"""CDK's Node comes from the wheel."""

import os
import shutil
import subprocess

import pytest

from ttl_archive.infra import node


def test_node_is_found_when_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    node.use_wheel()
    found = shutil.which("node")

    assert found is not None
    assert subprocess.run([found, "--version"], capture_output=True, check=True).stdout.startswith(b"v")


def test_a_second_call_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    node.use_wheel()
    before = os.environ["PATH"]
    node.use_wheel()

    assert os.environ["PATH"] == before
