"""The demo as a user runs it: the command in a process of its own."""

import gzip
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.demo.demo_command import demo
from ttl_archive.infra.local.demo.history_story import HistoryLedger, MomentCheck
from ttl_archive.infra.local.demo.ingest_story import IngestLedger
from ttl_archive.infra.local.demo.readings import readings, special_items
from ttl_archive.infra.local.demo.report import QueryAnswer, Report
from ttl_archive.infra.local.demo.scenario import theirs
from ttl_archive.infra.local.demo.screen import show_query_answer
from ttl_archive.infra.local.demo.table_files import infer_keys
from ttl_archive.replay.items.item_reader import ItemFileError

README = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
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
    return [sys.executable, "-m", "ttl_archive.infra.cli", "demo", *map(str, arguments)]


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


def children_of(process: int) -> dict[int, str]:
    """Command lines of the processes that a process has started, by id, from /proc."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                found[int(stat.parent.name)] = (stat.parent / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.parametrize(
    ("road", "file_format"),
    [
        ("kinesis", "jsonl"),
        pytest.param("streams", "csv", marks=pytest.mark.slow),
        pytest.param("kinesis", "csv", marks=pytest.mark.slow),
        pytest.param("streams", "jsonl", marks=pytest.mark.slow),
    ],
)
def test_the_demo_s_ledger_adds_up_and_closes_after_replay(tmp_path, road, file_format):
    question = "SELECT count(*) AS n FROM archive"

    result = run(
        "--json", "--road", road, "--format", file_format, "--keep", tmp_path / "kept", "--sql", question
    )

    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    before, after = report["ledger"], report["ledger_after_replay"]
    expired = before["changes"]["expired"]
    assert (before["delivered"], before["failed"]) == (expired - 1, 1)
    assert (after["delivered"], after["failed"]) == (expired, 0)
    written = before["changes"]["inserted"] + before["changes"]["modified"]
    assert before["changes"]["deleted"] == 1
    if road == "streams":
        assert (before["passed_over"], sum(before["dropped"].values())) == (written + 1, 0)
    else:
        assert before["dropped"] == {"user-removal": 1, "not-a-removal": written, "ttl-removal": 0}
    usage = report["usage"]
    assert (usage["changes"], usage["rows"]) == (written + 1 + expired, expired - 1)
    # Every change is billed on the Kinesis road. On the other one, the rows alone, packed.
    if road == "kinesis":
        assert usage["firehose_in_bytes"] == 5120 * usage["changes"] == 5120 * usage["stream_put_units"]
    else:
        assert usage["stream_put_units"] == 0
        assert usage["firehose_in_bytes"] < 5120 * usage["rows"] / 5
    assert [(cause["code"], cause["records"]) for cause in report["causes"]] == [("ColumnCollision", 1)]
    assert report["answers"][-1]["rows"] == [[expired - 1]]
    assert sum(count for _, count in report["answers"][0]["rows"]) == expired - 1
    assert "it adds up" in result.stderr
    page = Path(report["page"]).read_text(encoding="utf-8")
    lines = [line for line in result.stderr.splitlines() if str(tmp_path) not in line]
    assert [line for line in lines if cell_len(line) > 80] == []
    assert f"<strong>{expired}</strong> distinct changes." in page
    assert "Every day closes: each item that TTL deleted has its row" in page
    whole = page.partition("all days")[2].partition("</tr>")[0]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", whole) == ["closed", f"{expired}", f"{expired}", "0", ""]
    assert report["row"]["ddb_table"] == "DeviceData"
    kept = (tmp_path / "kept" / "archive" / "DeviceData").rglob(f"*.{file_format}.gz")
    assert sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in kept) == expired
    (ask,) = (line for line in result.stderr.splitlines() if line.startswith("ttl-archive query --on"))
    assert str(expired) in CliRunner().invoke(cli, shlex.split(ask)[1:]).stdout


@pytest.mark.parametrize(
    ("road", "file_format", "name"),
    [("kinesis", "jsonl", "items.jsonl"), ("streams", "csv", "export.json.gz")],
)
def test_a_user_s_table_file_expires_and_is_delivered(table, road, file_format, name):
    items = ITEMS if file_format == "jsonl" else [{"Item": item} for item in ITEMS]
    question = "SELECT session FROM archive ORDER BY 1"

    result = run(*table(items, file_format, name), "--road", road, "--json", "--sql", question)

    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["answers"][-1]["rows"] == [["a"], ["b"]]
    assert report["ledger"]["changes"]["expired"] == report["ledger"]["delivered"] == 2
    assert report["ledger"]["changes"]["inserted"] == 3
    assert report["ledger"]["passed_over"] == (3 if road == "streams" else 0)


def test_of_a_user_s_items_that_fail_the_causes_are_shown_with_what_to_do(table):
    items = [*ITEMS, {"id": {"S": "c"}, "expires": {"N": "1767225600"}, "session": {"S": "secret"}}]

    result = run(*table(items), "--json")

    assert result.returncode == 0, result.stderr
    (cause,) = json.loads(result.stdout)["causes"]
    assert (cause["code"], cause["attribute"], cause["records"]) == ("ColumnCollision", "session", 1)
    assert tomllib.loads(cause["settings"])["columns"][0]["path"] == "session"
    assert "ColumnCollision at session: 1 record" in result.stderr
    assert cause["settings"].splitlines()[-1] in result.stderr
    assert "secret" not in result.stderr


def test_what_scan_prints_and_plain_json_can_be_given_together(table, tmp_path):
    arguments = table(ITEMS[:1])
    scan, plain = tmp_path / "scan.json", tmp_path / "plain.json"
    scan.write_text(json.dumps({"Items": ITEMS[1:2], "Count": 1}, indent=4))
    plain.write_text('{"id": "c", "expires": 1767312001, "n": 12345678901234567890123456789012345678}')

    result = run(*arguments, "--table-file", scan, "--table-file", plain, "--json")

    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["ledger"]["delivered"] == 3
    assert [file.rpartition(": ")[2] for file in report["files"]] == [
        "DynamoDB JSON",
        "output of scan",
        "plain JSON, types inferred",
    ]


def test_a_table_file_of_which_nothing_would_expire_is_refused_with_the_reason(table):
    result = run(*table([{"id": {"S": "a"}, "expires": {"S": "tomorrow"}}]))

    assert result.returncode == 2
    assert 'No item has epoch seconds as a Number in "expires"' in result.stderr
    assert "Traceback" not in result.stderr


def test_the_ledger_of_a_table_file_adds_up_by_what_archive_toml_keeps(table):
    arguments = table()
    with arguments[-1].open("a") as config:
        config.write('[select]\nchanges = "all"\n')

    result = run(*arguments, "--json")

    assert result.returncode == 0, result.stderr
    ledger = json.loads(result.stdout)["ledger"]
    assert ledger["kept"] == ["expired", "deleted", "written"]
    assert ledger["delivered"] == 5
    assert "5 expired or deleted or written = 5 delivered + 0 failed: it adds up" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--key", "id"], "give --table-file too"),
        (["--config", "archive.toml"], "give --table-file too"),
        (["--table-file", __file__, "--format", "csv"], "archive.toml has the format"),
        (["--keep", Path(__file__).parent], "is not empty"),
        (["--env-file", "demo.env"], "give --serve too"),
        (["--keep", __file__ + "/inside"], "cannot be used"),
    ],
)
def test_options_that_would_be_ignored_or_fail_late_are_refused_at_once(arguments, message):
    result = CliRunner().invoke(demo, list(map(str, arguments)))

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["id", "expires", "blob"], "A table has one key attribute, or two"),
        (["id", "id"], "A table has one key attribute, or two"),
        (["blob"], "in the items it is B, missing"),
        (["same"], "Two items have the same same"),
    ],
)
def test_keys_that_no_table_of_the_items_can_have_are_refused(table, keys, message):
    items = [item | {"same": {"S": "x"}} for item in ITEMS]
    _, file, _, config = table(items)

    with pytest.raises(ItemFileError, match=message):
        theirs([file], config, keys)


@pytest.mark.parametrize("text", ["0", "-1", "1767225600000"])
def test_a_ttl_that_is_no_time_of_today_does_not_move_the_clock_there(table, text):
    _, file, _, config = table([*ITEMS, {"id": {"S": "odd"}, "expires": {"N": text}}])

    assert theirs([file], config, []).start == datetime(2025, 12, 31, 23, tzinfo=UTC)


def test_an_item_that_dynamodb_refuses_is_reported_without_a_traceback(table):
    result = run(*table([{"id": {"S": ""}, "expires": {"N": "1767225600"}}]))

    assert result.returncode == 2
    assert "DynamoDB refuses an item" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("CREATE TABLE t AS SELECT 1", "Only Athena answers the statement CREATE"),
        ("", "Ask with SELECT"),
    ],
)
def test_what_is_no_question_is_refused(table, query, message):
    result = run(*table(), "--sql", query)

    assert result.returncode == 1
    assert message in result.stderr


def test_a_column_s_name_is_shown_as_it_is():
    console = Console(file=io.StringIO())

    show_query_answer(console, QueryAnswer("?", "SELECT 1", ["[/x]"], [[1]]))

    assert "[/x]" in console.file.getvalue()


def test_a_query_that_is_no_sql_is_reported_without_a_traceback(table):
    result = run(*table(), "--sql", "SELEKT 1")

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "SELEKT 1\n         ^" in result.stderr


def served(process: subprocess.Popen[str]) -> dict[str, str]:
    """What a demo prints once it serves: the variables, and the commands by their first words."""
    assert process.stdout
    printed = {}
    for line in process.stdout:
        words = shlex.split(line, comments=True) if line[:1] in ("e", "a", "/") else []
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            printed[name] = value
        elif words[1:3] in (["dynamodb", "put-item"], ["query", "--on"]):
            printed[words[2]] = line
        elif words[1:3] == ["replay", "list"]:
            return printed
    raise AssertionError("it ended before it served")


def gone(processes: Iterable[int], within_s: float = 5) -> bool:
    deadline = time.monotonic() + within_s
    while left := [process for process in processes if Path(f"/proc/{process}").exists()]:
        if time.monotonic() > deadline:
            raise AssertionError(f"still there: {left}")
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_while_it_serves_leaves_no_process_behind(table, number):
    with subprocess.Popen(
        command(*table(), "--serve"),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
    ) as process:
        served(process)
        children = children_of(process.pid)

        process.send_signal(number)

        assert process.wait(30) == 0
        assert process.stdout
        assert "Stopped." in process.stdout.read()
    assert [
        sum(part in line for line in children.values()) for part in ("server_process", "awslambdaric")
    ] == [1, 1]
    assert gone(children)


@pytest.mark.parametrize(
    ("part", "number"), [("server_process", signal.SIGINT), ("awslambdaric", signal.SIGTERM)]
)
def test_an_interrupt_while_it_starts_leaves_no_process_behind(table, part, number):
    with subprocess.Popen(
        command(*table()), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        children = {}
        while not any(part in line for line in children.values()):
            assert process.poll() is None
            children |= children_of(process.pid)

        process.send_signal(number)

        assert process.stdout
        output = process.stdout.read()
        assert process.wait(30) == 1
    assert "Aborted!" in output
    assert "Traceback" not in output
    assert gone(children)


def test_what_serve_prints_puts_an_item_and_asks_the_archive(table):
    with subprocess.Popen(command(*table(), "--serve"), stdout=subprocess.PIPE, text=True) as process:
        try:
            printed = served(process)
            environment = os.environ | {name: value for name, value in printed.items() if name.isupper()}
            arguments = shlex.split(printed["put-item"], comments=True)
            client = boto3.client(
                "dynamodb",
                endpoint_url=printed["AWS_ENDPOINT_URL"],
                region_name=printed["AWS_REGION"],
                aws_access_key_id=printed["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=printed["AWS_SECRET_ACCESS_KEY"],
            )
            client.put_item(TableName=arguments[4], Item=json.loads(arguments[6]))
            client.close()
            question = [
                *shlex.split(printed["--on"])[:-1],
                "SELECT 'rows=' || CAST(count(*) AS varchar) FROM archive",
            ]
            deadline = time.monotonic() + 30
            while "rows=3" not in (answer := subprocess.check_output(question, env=environment, text=True)):
                assert time.monotonic() < deadline, answer
        finally:
            process.send_signal(signal.SIGINT)


def test_keys_are_the_first_attributes_that_tell_all_items_apart():
    assert infer_keys(list(readings())) == ("deviceID", "readingTime")


def test_items_that_nothing_tells_apart_ask_for_key():
    with pytest.raises(ItemFileError, match="--key"):
        infer_keys([{"a": {"S": "x"}}, {"a": {"S": "x"}}])


def test_the_special_items_have_every_attribute_type():
    kinds = {kind for item in special_items() for value in item.values() for kind in value}

    assert kinds == {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}


def test_the_road_of_an_export_closes_its_ledger(tmp_path):
    """Items of the user's own: two expire, one lives, and one cannot become a row."""
    items = [*ITEMS, {"id": {"S": "c"}, "expires": {"N": "1767225600"}, "session": {"S": "collides"}}]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    config = CONFIG.format(format="jsonl").replace("[output]", 'keys = ["id"]\nbackfilled = true\n[output]')
    (tmp_path / "archive.toml").write_text(config)

    done = run(
        "--road", "export", "--json",
        "--table-file", tmp_path / "items.jsonl", "--config", tmp_path / "archive.toml",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "ttl-archive backfill --compare: missing; 2 of 3 expired keys" in done.stderr
    ledger = json.loads(done.stdout)["export_ledger"]
    assert ledger == {
        "lines": 4,
        "rows": 2,
        "not_expired": 1,
        "refused": 1,
        "removed": 3,
        "failed": 1,
        "rows_in_archive": 4,
        "unique": 2,
        "unique_exported": 0,
    }
    assert "it adds up" in done.stderr


@pytest.mark.slow
def test_the_road_of_an_export_closes_its_ledger_with_the_demos_own_items():
    done = run("--road", "export", "--json")

    assert done.returncode == 0, done.stderr
    assert "  1 item refused: ColumnCollision. The removal will fail for the same reason\n" in done.stderr
    assert "316 removed by TTL = 316 rows, each once, + 0 failed: it adds up" in done.stderr
    assert json.loads(done.stdout)["export_ledger"]["unique"] == 316


def test_the_road_of_a_history_closes_its_ledger(tmp_path):
    """The table is read after each step, and the archive answers the same for each of these moments."""
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    config = CONFIG.format(format="jsonl").partition("[[columns]]")[0] + 'row = "envelope"\n'
    config = config.replace("[output]", 'keys = ["id"]\n[select]\nchanges = "all"\n[output]')
    (tmp_path / "archive.toml").write_text(config)

    done = run(
        "--road", "history", "--json",
        "--table-file", tmp_path / "items.jsonl", "--config", tmp_path / "archive.toml",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    ledger = json.loads(done.stdout)["history_ledger"]
    assert (ledger["changes"], ledger["rows"], ledger["failed"]) == (5, 5, 0)
    numbers = ("in_table", "in_answer", "equal", "undecided")
    found = {tuple(each[number] for number in numbers) for each in ledger["moments"]}
    assert found <= {(3, 3, 3, 0), (2, 2, 2, 0), (1, 1, 1, 0)}
    assert len(found) > 1  # items expired between the moments
    assert (ledger["moments"][-1]["in_table"], ledger["moments"][-1]["equal"]) == (1, 1)
    assert "5 changes = 5 in archive_history + 0 failed: it adds up" in done.stderr


@pytest.mark.slow
def test_the_readmes_history_is_what_its_commands_print(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = README.partition("### What an item was")[2].partition("```console\n")[2].partition("```")[0]
    make, show, *printed = example.splitlines()

    assert run(*shlex.split(make)[3:]).returncode == 0
    result = CliRunner().invoke(cli, shlex.split(show)[2:])
    without_microseconds = re.compile(r"\.\d{6} UTC")  # the order of the demo's writes decides them
    assert without_microseconds.sub("", result.stdout).splitlines() == [
        without_microseconds.sub("", line) for line in printed
    ]


def test_a_ledger_that_does_not_add_up_fails_the_demo():
    report = Report("t", "history", history_ledger=HistoryLedger(1, 1, 0, ()))

    assert report.adds_up
    report.ingest_ledger = IngestLedger(
        **dict.fromkeys(IngestLedger.__dataclass_fields__, 0) | {"messages": 1}
    )
    assert not report.adds_up


@pytest.mark.parametrize("wrong", [(2, 2, 1, 0), (2, 1, 1, 0), (2, 3, 2, 0), (2, 2, 2, 1)])
def test_the_ledger_of_a_history_does_not_add_up_when_a_moment_differs(wrong):
    right = MomentCheck("2026-01-01", 2, 2, 2, 0)

    assert HistoryLedger(3, 2, 1, (right,)).adds_up
    assert not HistoryLedger(3, 2, 0, (right,)).adds_up
    assert not HistoryLedger(3, 2, 1, (right, MomentCheck("2026-01-02", *wrong))).adds_up


def test_the_road_of_a_history_has_no_csv_and_needs_every_change(table):
    refused = CliRunner().invoke(demo, ["--road", "history", "--format", "csv"])
    assert (refused.exit_code, "leave out --format csv" in refused.stderr) == (2, True)

    result = run(*table(), "--road", "history")
    assert result.returncode == 1
    assert 'archive_history needs [select] changes = "all"' in result.stderr


def test_the_road_of_an_export_needs_backfilled_and_says_so_before_it_starts(table):
    result = run(*table(), "--road", "export")
    assert result.returncode == 2
    assert "set [table] backfilled = true and keys" in result.stderr
    assert "Your items" not in result.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_road_of_a_queue_closes_both_ledgers():
    done = run("--road", "ingest", "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    queue, ledger = report["ingest_ledger"], report["ledger_after_replay"]
    assert (queue["messages"], queue["stored"], queue["dead_letters"], queue["left"]) == (
        queue["stored"] + 1,
        queue["stored"],
        1,
        0,
    )
    assert queue["readings"] == queue["items"]
    assert (ledger["delivered"], ledger["failed"]) == (ledger["changes"]["expired"], 0)


def test_a_file_of_items_does_not_come_in_by_a_queue(tmp_path):
    (tmp_path / "items.jsonl").write_text("{}")
    done = run("--road", "ingest", "--table-file", tmp_path / "items.jsonl")

    assert done.returncode == 2
    assert "Leave --table-file out" in done.stderr
