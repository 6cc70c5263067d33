"""`ttl-archive docs`: every document of the package, plain when piped and rendered on a terminal."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ttl_archive
from ttl_archive.infra.documents import TOPICS, document_text

PACKAGE = Path(ttl_archive.__file__).parent
COMMAND = [sys.executable, "-m", "ttl_archive.infra.cli", "docs"]
ROOT = Path(__file__).parents[2]


def test_every_document_of_the_package_has_a_topic() -> None:
    found = {
        str(Path(folder, name).relative_to(PACKAGE))
        for folder, _, names in os.walk(PACKAGE, followlinks=True)
        for name in names
        if name.endswith(".md")
    }

    assert {document.file for document in TOPICS.values()} == found


@pytest.mark.parametrize("topic", TOPICS)
def test_a_document_is_printed_as_markdown_when_piped(topic: str) -> None:
    done = subprocess.run([*COMMAND, topic], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == document_text(topic)
    assert done.stdout.startswith("# ")


@pytest.mark.parametrize("topic", TOPICS)
def test_no_link_leads_to_a_file_that_an_installed_package_lacks(topic: str) -> None:
    assert re.findall(r"\]\((?!https?:|#).*?\)", document_text(topic)) == []


def test_a_link_to_another_document_becomes_the_command_that_shows_it() -> None:
    assert "(`ttl-archive docs replay`)" in document_text("readme")
    assert "(`ttl-archive docs deploy`)" in document_text("readme")


def test_a_document_is_rendered_on_a_terminal() -> None:
    controller, terminal = pty.openpty()
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=terminal, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(terminal)
        shown = b""
        while chunk := _read(controller):
            shown += chunk
    os.close(controller)

    assert process.returncode == 0
    assert b"\x1b[1" in shown
    assert b"**" not in shown


def test_an_unknown_topic_is_a_usage_error_that_lists_the_topics() -> None:
    done = subprocess.run([*COMMAND, "nothing"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert all(topic in done.stderr for topic in TOPICS)


def _read(file: int) -> bytes:
    """Return what the terminal shows next; Linux reports its end as an error."""
    try:
        return os.read(file, 65536)
    except OSError:
        return b""
