"""The demo as a user runs it: the command in a process of its own."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.local.demo.items import TableFileError, infer_keys, readings, special_items, table_file

CONFIG = """
[table]
name = "Sessions"
ttl_attribute = "expires"

[output]
format = "{format}"

[[columns]]
name = "session"
path = "id"
"""
ITEMS = [
    {"id": {"S": "a"}, "expires": {"N": "1767225600"}, "blob": {"B": "EgIIew=="}},
    {"id": {"S": "b"}, "expires": {"N": "1767312000"}, "n": {"N": "12345678901234567890123456789012345678"}},
    {"id": {"S": "forever"}},
]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "infra.cli", "demo", *map(str, arguments)]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120)


@pytest.fixture
def table(tmp_path):
    """A table file and its configuration, as command-line arguments."""

    def write(items=ITEMS, file_format="jsonl", name="items.jsonl"):
        lines = "".join(json.dumps(item) + "\n" for item in items).encode()
        file, config = tmp_path / name, tmp_path / "archive.toml"
        file.write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
        config.write_text(CONFIG.format(format=file_format))
        return ["--table-file", file, "--config", config]

    return write


def processes_of(session: int) -> list[str]:
    """Command lines of the processes in a session, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [line for line in found if line]


def test_the_demo_s_ledger_adds_up_and_closes_after_replay(tmp_path):
    result = run("--json", "--keep", tmp_path / "kept", "--sql", "SELECT count(*) AS n FROM archive")

    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    before, after = report["ledger"], report["ledger_after_replay"]
    expired = before["changes"]["expired"]
    assert (before["delivered"], before["failed"]) == (expired - 1, 1)
    assert (after["delivered"], after["failed"]) == (expired, 0)
    assert before["changes"]["deleted"] == before["dropped"]["user-removal"] == 1
    assert before["changes"]["inserted"] + before["changes"]["modified"] == before["dropped"]["not-a-removal"]
    assert report["error_object"]["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert report["answers"][-1]["rows"] == [[expired - 1]]
    assert sum(count for _, count in report["answers"][0]["rows"]) == expired - 1
    assert "it adds up" in result.stderr
    kept = (tmp_path / "kept" / "archive" / "DeviceData").rglob("*.jsonl.gz")
    assert sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in kept) == expired


@pytest.mark.parametrize(("file_format", "name"), [("jsonl", "items.jsonl"), ("csv", "export.json.gz")])
def test_a_user_s_table_file_expires_and_is_delivered(table, file_format, name):
    items = ITEMS if file_format == "jsonl" else [{"Item": item} for item in ITEMS]

    result = run(
        *table(items, file_format, name), "--json", "--sql", "SELECT session FROM archive ORDER BY 1"
    )

    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["answers"][-1]["rows"] == [["a"], ["b"]]
    assert report["ledger"]["changes"]["expired"] == report["ledger"]["delivered"] == 2
    assert report["ledger"]["changes"]["inserted"] == 3


def test_a_table_file_of_which_nothing_would_expire_is_refused_with_the_reason(table):
    result = run(*table([{"id": {"S": "a"}, "expires": {"S": "tomorrow"}}]))

    assert result.returncode == 2
    assert 'no item has epoch seconds as a Number in "expires"' in result.stderr
    assert "Traceback" not in result.stderr


def test_a_query_that_is_no_sql_is_told_without_a_traceback(table):
    result = run(*table(), "--sql", "SELEKT 1")

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "SELEKT" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_it_serves_leaves_no_process_behind(table, number):
    with subprocess.Popen(
        command(*table(), "--serve"),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if "aws dynamodb put-item" in line:
                break

        process.send_signal(number)

        assert process.wait(30) == 0
        assert "Stopped." in process.stdout.read()
    deadline = time.monotonic() + 5
    while (left := processes_of(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def test_a_line_that_is_no_item_is_named_by_file_and_number(tmp_path):
    file = tmp_path / "items.jsonl"
    file.write_text('{"id": {"S": "a"}}\n{"id": "a"}\n')

    with pytest.raises(TableFileError, match=r"items\.jsonl, line 2 is not an item in DynamoDB JSON"):
        table_file(file)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_table_file_without_items_says_what_to_write(tmp_path, content):
    file = tmp_path / "items.jsonl"
    file.write_bytes(content)

    with pytest.raises(TableFileError, match="has no item"):
        table_file(file)


@pytest.mark.parametrize("content", [b"\xff\xfe", gzip.compress(b"{}")[:-4]])
def test_a_table_file_that_cannot_be_read_is_told(tmp_path, content):
    file = tmp_path / "items.jsonl"
    file.write_bytes(content)

    with pytest.raises(TableFileError, match="cannot be read"):
        table_file(file)


def test_binary_of_a_table_file_becomes_bytes(tmp_path):
    file = tmp_path / "items.jsonl"
    file.write_text('{"a": {"M": {"b": {"BS": ["AA=="]}}}}')

    assert table_file(file) == [{"a": {"M": {"b": {"BS": [b"\x00"]}}}}]


def test_keys_are_the_first_attributes_that_tell_all_items_apart():
    assert infer_keys(list(readings())) == ("deviceID", "readingTime")


def test_items_that_nothing_tells_apart_ask_for_key():
    with pytest.raises(TableFileError, match="--key"):
        infer_keys([{"a": {"S": "x"}}, {"a": {"S": "x"}}])


def test_the_special_items_have_every_attribute_type():
    kinds = {kind for item in special_items() for value in item.values() for kind in value}

    assert kinds == {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}
