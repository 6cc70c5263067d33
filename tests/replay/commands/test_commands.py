"""Every command as a new user would try it, on a local emulator: help, examples, exit codes, messages."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.fakes import client_error
from tests.json_service import serving
from tests.replay import discarded
from tests.replay.discarded import discarded_batch, stream_removal
from tests.replay.samples import change, error_line, error_object
from tests.replay.scripted_step_functions import Order, ScriptedStepFunctions
from ttl_archive.replay.aws import Clients, translate_error
from ttl_archive.replay.commands import options, show
from ttl_archive.replay.commands.groups import replay
from ttl_archive.replay.commands.restore import restore
from ttl_archive.replay.map_handler import replay_batch
from ttl_archive.transform.settings import load

emulator_module = pytest.importorskip("ttl_archive.infra.local.moto_server.emulator")

ROOT = Path(__file__).parents[3]
BUCKET = "my-archive"
ON_FAILURE = "my-on-failure-bucket"
EXAMPLE = "errors/DeviceData/processing-failed/example"
_CONTEXT = click.Context(replay)
COMMANDS = {name: replay.get_command(_CONTEXT, name) for name in replay.list_commands(_CONTEXT)}
COMMANDS["restore"] = restore


@pytest.fixture(scope="module")
def emulator() -> Iterator[Any]:
    with emulator_module.Emulator() as running:
        running.client("dynamodb").create_table(
            TableName="DeviceData",
            KeySchema=[{"AttributeName": "deviceID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "deviceID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        running.client("kinesis").create_stream(StreamName="changes", ShardCount=1)
        running.client("s3").create_bucket(Bucket=BUCKET)
        running.client("s3").create_bucket(Bucket=ON_FAILURE)
        yield running


@pytest.fixture(scope="module")
def client(emulator: Any) -> Any:
    return emulator.client("s3")


@pytest.fixture
def s3(emulator: Any, client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A bucket with failures of three kinds; the current folder has an archive.toml."""
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archive.toml").write_bytes((ROOT / "archive.toml").read_bytes())
    for key in keys(client):
        client.delete_object(Bucket=BUCKET, Key=key)
    put = {
        EXAMPLE: error_object([change(1), change(2), change(3, name="INSERT")]),
        "errors/DeviceData/format-conversion-failed/2026/11/20/10/x y+z=ü": error_object(
            [change(4)], errorCode=None, lastErrorCode="DataFormatConversion.ParseError"
        ),
        "errors/DeviceData/processing-failed/poison": error_object([b"secret-content"])
        + error_line(b"1")[:30],
    }
    for key, body in put.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=body)
    batch = discarded_batch([stream_removal(0), stream_removal(1, {"n": {"N": "one"}})])
    client.put_object(Bucket=ON_FAILURE, Key=discarded.KEY, Body=batch)
    return client


def run(line: str) -> Result:
    """Run a command as the shell would; its exit code and what it printed."""
    program, *words = shlex.split(line)
    assert program == "ttl-archive"
    command = {"replay": replay, "restore": restore}[words[0]]
    return CliRunner().invoke(command, words[1:], prog_name=f"ttl-archive {words[0]}")


def examples(command: click.Command) -> list[str]:
    return [line.strip() for line in re.findall(r"ttl-archive (?:replay|restore).*", command.help or "")]


def keys(s3: Any, prefix: str = "") -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_opens_with_a_sentence_and_has_examples(name: str) -> None:
    first = (COMMANDS[name].help or "").strip().split("\n\n")[0].replace("\n", " ")

    assert re.match(r"[A-Z].*[.:]", first)
    assert len(examples(COMMANDS[name])) >= 2


@pytest.mark.parametrize(
    "line", [line for command in (replay, *COMMANDS.values()) for line in examples(command)]
)
def test_every_example_of_the_help_runs(s3: Any, line: str) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET}")
    if "restore" in line or "waive" in line:
        run(f"ttl-archive replay run --bucket {BUCKET} --yes")
    if "--undo" in line:
        run(line.replace("--undo", "--reason test"))

    result = run(line)

    assert result.exit_code in (0, 3), result.output
    assert "Traceback" not in result.output


def test_list_counts_by_day_type_code_and_state(s3: Any) -> None:
    found = json.loads(run(f"ttl-archive replay list --bucket {BUCKET} --json").stdout)

    counts = {(each["type"], each["code"], each["state"]): each["records"] for each in found}
    assert counts == {
        ("processing-failed", "Lambda.FunctionError", "open"): 4,
        ("processing-failed", "HalfWritten", "open"): 1,
        ("format-conversion-failed", "DataFormatConversion.ParseError", "open"): 1,
    }
    assert {each["oldest"] for each in found if each["code"].startswith("Lambda")} == {"2025-11-20T00:53:21Z"}


def test_list_without_a_terminal_is_plain_text(s3: Any) -> None:
    output = run(f"ttl-archive replay list --bucket {BUCKET}").stdout

    assert "processing-failed" in output
    assert "Lambda.FunctionError" in output
    assert "\x1b" not in output
    assert "┃" not in output


def test_brackets_in_a_message_are_no_markup_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    show.table(("message",), [("what [/x] [red]",)])

    assert "what [/x] [red]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "records"),
    [
        ("--type format-conversion-failed", 1),
        ("--code DataFormatConversion.ParseError", 1),
        ("--key-prefix processing-failed/ex", 3),
        ("--since 2020-01-01 --until 2021-01-01", 0),
        ("--since 1h", 6),
    ],
)
def test_list_filters(s3: Any, options: str, records: int) -> None:
    found = json.loads(run(f"ttl-archive replay list --bucket {BUCKET} --json {options}").stdout)

    assert sum(each["records"] for each in found) == records


def test_inspect_tells_verdicts_and_no_content(s3: Any) -> None:
    result = run(f"ttl-archive replay inspect --bucket {BUCKET} {EXAMPLE} --json")

    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["verdict"] for each in records] == [
        "would be delivered to 2025-11-20",
        "would be delivered to 2025-11-20",
        "would be dropped: not-a-removal",
    ]
    assert records[0]["change"] == "REMOVE of DeviceData at 2025-11-20 00:53:20.000 by ttl"
    assert '"d1"' not in result.stdout


def test_inspect_shows_content_only_when_asked(s3: Any) -> None:
    poison = f"ttl-archive replay inspect s3://{BUCKET}/errors/DeviceData/processing-failed/poison"

    assert "secret-content" not in run(poison).output
    assert "would be refused: NotJson" in run(poison).output
    assert "would be refused: HalfWritten" in run(poison).output
    assert "secret-content" in run(f"{poison} --show-content").output


def test_the_runbook_closes_the_ledger(s3: Any) -> None:
    assert run(f"ttl-archive replay --bucket {BUCKET}").exit_code == 0
    first = run("ttl-archive replay run replay-plan.json --json")
    second = run(f"ttl-archive replay run --bucket {BUCKET} --yes")
    listed = json.loads(run(f"ttl-archive replay list --bucket {BUCKET} --json").stdout)

    assert first.exit_code == 3, first.output
    done = json.loads(first.stdout)
    assert (done["lines"], done["rows"]) == (6, 3)
    assert done["refused"] == {"NotJson": 1, "HalfWritten": 1}
    assert second.exit_code == 3
    assert "replay list --why" in second.stderr
    assert {(each["type"], each["state"]) for each in listed} == {
        ("processing-failed", "done"),
        ("processing-failed", "refused"),
        ("format-conversion-failed", "done"),
    }


def test_done_objects_are_retired_only_on_request_and_refused_ones_are_not(s3: Any) -> None:
    run(f"ttl-archive replay run --bucket {BUCKET} --yes")
    before = keys(s3, "errors/")

    assert "2 objects would be moved, 0 stay" in run(f"ttl-archive replay retire --bucket {BUCKET}").stderr
    assert keys(s3, "errors/") == before
    result = run(f"ttl-archive replay retire --bucket {BUCKET} --yes")

    assert "2 objects were moved to replay/table=DeviceData/retired/, 0 stay, 0 failed" in result.stderr
    assert keys(s3, "errors/") == ["errors/DeviceData/processing-failed/poison"]
    assert f"replay/table=DeviceData/retired/{EXAMPLE}" in keys(s3)
    assert run(f"ttl-archive replay run --bucket {BUCKET} --yes").exit_code == 3  # one is refused


def test_rows_that_are_gone_keep_their_error_object(s3: Any) -> None:
    run(f"ttl-archive replay run --bucket {BUCKET} --yes")
    for key in keys(s3, "archive/"):
        s3.delete_object(Bucket=BUCKET, Key=key)

    result = run(f"ttl-archive replay retire --bucket {BUCKET} --yes")

    assert "0 objects were moved" in result.stderr
    assert "2 stay" in result.stderr


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("replay list --bucket no-such-bucket-1", 1, "there is no such bucket"),
        ("replay run --bucket my-archive", 2, "Add --yes"),
        ("replay run", 2, "either a plan or --bucket"),
        ("replay run nowhere.json", 2, "cannot be read"),
        ("replay run archive.toml", 2, "not a plan"),
        ("replay plan --bucket my-archive --sink kinesis", 2, "--stream NAME"),
        ("replay plan --bucket my-archive --stream x", 2, "--stream goes with"),
        ("replay plan --bucket my-archive --sink kinesis --stream none", 2, "does not exist"),
        ("replay run --bucket my-archive --yes --sink kinesis --stream none", 2, "does not exist"),
        ("replay list --bucket my-archive --config nowhere.toml", 2, "no such file"),
        ("replay list --bucket my-archive --since yesterday", 2, "is not a time"),
        ("replay list --bucket my-archive --profile nobody", 1, "nobody"),
        ("replay inspect errors/DeviceData/example", 2, "which bucket"),
        ("replay inspect --bucket my-archive nowhere", 4, "replay list --objects"),
        ("replay list --bucket my-archive --names-only --code x", 2, "does not read"),
        ("replay list --bucket my-archive --since 99999999999d", 2, "is not a time"),
        ("replay list --bucket my-archive --since 999999d", 2, "is not a time"),
        ("replay nonsense", 2, "No such command"),
    ],
)
def test_what_goes_wrong_is_reported_without_a_traceback(s3: Any, line: str, code: int, message: str) -> None:
    result = run(f"ttl-archive {line}")

    assert (result.exit_code, message in result.stderr) == (code, True), result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("list --prefix errors/DeviceDate/", "The nearest name is errors/DeviceData/"),
        ("list --why --prefix errors/Other/", "s3://my-archive/errors/ has errors/DeviceData/"),
        ("list --objects --since 2020-01-01 --until 2021-01-01", "--since and --until select none of the 3"),
        ("plan --type splunk-failed", "of the types format-conversion-failed, processing-failed"),
        ("retire --key-prefix zzz", "--key-prefix selects none"),
    ],
)
def test_nothing_found_is_an_answer_of_its_own_that_says_what_is_there(s3: Any, line: str, what: str) -> None:
    result = run(f"ttl-archive replay {line} --bucket {BUCKET}")

    assert (result.exit_code, what in result.stderr) == (4, True), result.output
    assert result.stdout == ""


def test_a_run_that_finds_nothing_says_so_and_changes_nothing(s3: Any) -> None:
    result = run(f"ttl-archive replay run --bucket {BUCKET} --yes --prefix errors/Nowhere/")

    assert result.exit_code == 4
    assert keys(s3, "replay/") == []


def test_an_error_code_that_no_record_has_is_named_with_what_is_there(s3: Any) -> None:
    result = run(f"ttl-archive replay list --bucket {BUCKET} --code Nothing.Such")

    assert (result.exit_code, "--code selects none of the 3" in result.stderr) == (4, True)


def test_json_of_nothing_is_an_empty_list_and_the_exit_code_says_it(s3: Any) -> None:
    result = run(f"ttl-archive replay list --bucket {BUCKET} --prefix errors/Nowhere/ --json")

    assert (result.exit_code, json.loads(result.stdout)) == (4, [])


@pytest.mark.parametrize("url", ["s3://my-archive", "s3://my-archive/", "s3://my-archive/errors/DeviceData/"])
def test_a_bucket_may_be_given_as_an_s3_url(s3: Any, url: str) -> None:
    found = json.loads(run(f"ttl-archive replay list --bucket {url} --json").stdout)

    assert sum(each["records"] for each in found) == 6


def test_a_plan_that_was_edited_delivers_nothing(s3: Any) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET}")
    plan = Path("replay-plan.json")
    plan.write_text(plan.read_text().replace("errors/DeviceData/", "errors/Elsewhere/"))

    result = run("ttl-archive replay run replay-plan.json")

    assert (result.exit_code, "changed after it was made" in result.stderr) == (2, True)
    assert keys(s3, "archive/") == []


def test_a_plan_of_another_table_is_refused(s3: Any) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET}")
    config = Path("archive.toml")
    config.write_text(config.read_text().replace('"DeviceData"', '"Orders"'))

    result = run("ttl-archive replay run replay-plan.json")

    assert (result.exit_code, "the plan is for the table DeviceData" in result.stderr) == (2, True)


def test_a_plan_says_how_many_records_would_be_delivered_dropped_and_refused(s3: Any) -> None:
    plan = json.loads(run(f"ttl-archive replay plan --bucket {BUCKET} --json").stdout)

    assert (plan["deliver"], plan["drop"], plan["refuse"]) == (3, {"not-a-removal": 1}, 2)
    assert {each["code"] for each in plan["causes"]} == {"NotJson", "HalfWritten"}


def test_a_list_of_objects_names_each_by_its_key(s3: Any) -> None:
    assert EXAMPLE in run(f"ttl-archive replay list --bucket {BUCKET} --objects").stdout.splitlines()


def test_a_cause_is_printed_with_its_attribute(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=EXAMPLE, Body=error_object([change(1, dt={"S": "x"})]))

    causes = run(f"ttl-archive replay list --bucket {BUCKET} --why").stdout

    assert "ColumnCollision at dt: 1 record in 1 object" in causes


def test_a_plan_for_a_stream_says_what_the_stream_refuses(s3: Any) -> None:
    key = "errors/DeviceData/processing-failed/giant"
    s3.put_object(Bucket=BUCKET, Key=key, Body=error_object([change(1), change(5, a={"S": "x" * 1_048_576})]))
    options = f"--bucket {BUCKET} --key-prefix processing-failed/giant --sink kinesis --stream changes --json"

    plan = json.loads(run(f"ttl-archive replay plan {options}").stdout)
    done = json.loads(run(f"ttl-archive replay run {options} --yes").stdout)

    assert (plan["deliver"], plan["refuse"]) == (1, 1) == (done["rows"], sum(done["refused"].values()))
    assert [each["code"] for each in plan["causes"]] == ["TooLargeForStream"] == list(done["refused"])


def test_a_plan_names_the_objects_that_a_run_would_fail_on(s3: Any) -> None:
    run(f"ttl-archive replay run --bucket {BUCKET} --yes")
    s3.put_object(Bucket=BUCKET, Key=EXAMPLE + "-2", Body=error_object([change(6)]))
    s3.put_object(Bucket=BUCKET, Key="errors/DeviceData/processing-failed/poison",
                  Body=error_object([change(7), b"no json"]))  # fmt: skip
    run(f"ttl-archive replay run --bucket {BUCKET} --yes --key-prefix processing-failed/poison")
    options = f"--bucket {BUCKET} --refused --sink kinesis --stream changes"

    result = run(f"ttl-archive replay plan {options}")
    as_json = json.loads(run(f"ttl-archive replay plan {options} --json").stdout)
    done = json.loads(run(f"ttl-archive replay run {options} --yes --json").stdout)

    assert result.exit_code == 1
    assert re.search(r"would fail +1 object\n", result.stdout)
    assert "processing-failed/poison: the archive may have rows of it" in result.stderr
    assert as_json["would_fail"] == [each["reason"] for each in done["not_done"]]
    assert (as_json["deliver"], done["rows"]) == (1, 1)


def test_waived_objects_are_retired_and_a_claimed_one_cannot_be_waived(s3: Any) -> None:
    poison = f"ttl-archive replay waive s3://{BUCKET}/errors/DeviceData/processing-failed/poison"
    early = run(f'{poison} --reason "too early"')
    run(f"ttl-archive replay run --bucket {BUCKET} --yes")
    waived = run(f'{poison} --reason "made by a test" --json')
    listed = json.loads(run(f"ttl-archive replay list --objects --bucket {BUCKET} --json").stdout)
    closed = run(f"ttl-archive replay run --bucket {BUCKET} --yes")

    assert early.exit_code == 2
    assert f"Replay it first: ttl-archive replay run --bucket {BUCKET}\n" in early.stderr
    assert json.loads(waived.stdout)["records"] == 2
    (waiver,) = next(each for each in listed if each["state"] == "waived")["waivers"]
    assert (waiver["reason"], waiver["records"], "moto" in waiver["by"]) == ("made by a test", 2, True)
    assert closed.exit_code == 0
    run(f"{poison} --undo")
    assert run(f"ttl-archive replay run --bucket {BUCKET} --yes").exit_code == 3


@pytest.mark.parametrize("options", ["", "--reason ''", "--reason ' '", "--reason x --undo"])
def test_a_waiver_needs_a_reason_and_its_undoing_none(s3: Any, options: str) -> None:
    result = run(f"ttl-archive replay waive --bucket {BUCKET} {EXAMPLE} {options}")

    assert (result.exit_code, "give a reason" in result.stderr) == (2, True)


def test_an_object_whose_key_ends_like_a_line_number_is_meant_itself(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{EXAMPLE}:7", Body=error_object([b"no json"]))
    run(f"ttl-archive replay run --bucket {BUCKET} --yes")

    result = run(f"ttl-archive replay waive --bucket {BUCKET} {EXAMPLE}:7 --reason test --json")

    assert json.loads(result.stdout)["object"] == f"{EXAMPLE}:7"


def test_times_in_json_are_iso_8601(s3: Any) -> None:
    listed = json.loads(run(f"ttl-archive replay list --objects --bucket {BUCKET} --json").stdout)

    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each["time"]) for each in listed)


def test_control_characters_of_a_message_do_not_reach_the_terminal(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=EXAMPLE, Body=error_object([change(1)], errorMessage="a\x1b[31mb\x07"))

    output = run(f"ttl-archive replay inspect s3://{BUCKET}/{EXAMPLE}").stdout

    assert "a\\x1b[31mb\\x07" in output
    assert "\x1b" not in output


@pytest.mark.parametrize("command", ["list --objects", "inspect --limit 0"])
def test_a_reader_that_stops_reading_is_no_error(s3: Any, tmp_path: Path, command: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=EXAMPLE, Body=error_object(change(number) for number in range(3000)))
    name, *options = command.split()
    place = [f"s3://{BUCKET}/{EXAMPLE}"] if name == "inspect" else ["--bucket", BUCKET]
    with subprocess.Popen(
        [sys.executable, "-m", "ttl_archive.infra.cli", "replay", name, *options, *place],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()

        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_a_plan_of_another_transform_is_refused(s3: Any) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET}")
    with Path("archive.toml").open("a") as config:
        config.write('\n[[columns]]\nname = "extra"\n')

    result = run("ttl-archive replay run replay-plan.json")

    assert result.exit_code == 2
    assert "Plan again" in result.stderr


@pytest.mark.parametrize(
    "option", ["--sink kinesis --stream changes", "--since 7d", "--prefix x/", "--refused"]
)
def test_a_plan_takes_no_options_that_it_would_ignore(s3: Any, option: str) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET}")

    result = run(f"ttl-archive replay run replay-plan.json {option}")

    assert (result.exit_code, "give these options to plan" in result.stderr) == (2, True)


def test_a_plan_does_what_it_says_and_nothing_else(s3: Any) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET} --type format-conversion-failed --out mine.json")
    s3.put_object(Bucket=BUCKET, Key="errors/DeviceData/format-conversion-failed/new", Body=b"")

    done = json.loads(run("ttl-archive replay run mine.json --json").stdout)

    assert done["objects"] == {"done": 1}


def test_a_sink_that_everyone_sees_is_warned_of(s3: Any) -> None:
    line = f"ttl-archive replay run --bucket {BUCKET} --yes --sink kinesis --stream changes"
    result = run(f"{line} --key-prefix processing-failed/example")

    assert result.exit_code == 0, result.output
    assert "Every consumer of the data stream changes sees these records again" in result.stderr
    assert keys(s3, "archive/") == []


def test_ctrl_c_stops_cleanly_and_the_next_run_finishes(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key=EXAMPLE, Body=error_object(change(number) for number in range(20_000)))
    words = [
        sys.executable,
        "-m",
        "ttl_archive.infra.cli",
        "replay",
        "run",
        "--bucket",
        BUCKET,
        "--yes",
        "--key-prefix",
        "processing-failed/e",
    ]
    slow = subprocess.Popen(
        [*words, "--rate", "2000"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while slow.poll() is None and not keys(s3, f"replay/table=DeviceData/claims/{EXAMPLE}"):
        time.sleep(0.02)
    slow.send_signal(signal.SIGINT)
    output, message = slow.communicate(timeout=30)

    assert (slow.returncode, "nothing is lost either way" in message) == (1, True), message
    assert "1 stopped" in output
    assert keys(s3, "archive/") == []
    assert (
        run(f"ttl-archive replay run --bucket {BUCKET} --yes --key-prefix processing-failed/e").exit_code == 0
    )


def test_in_its_own_process(s3: Any, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ttl_archive.infra.cli",
            "replay",
            "run",
            "--bucket",
            BUCKET,
            "--yes",
            "--json",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["rows"] == 3


def test_the_readme_s_json_fields_are_those_that_are_printed(s3: Any) -> None:
    readme = (ROOT / "replay" / "README.md").read_text()
    message = {
        name: re.findall(r"`(\w+)`", fields)
        for name, fields in re.findall(r"^\| `([\w -]+)` \| (.*`.*) \|$", readme, re.MULTILINE)
    }
    lines = {
        "list": f"replay list --bucket {BUCKET}",
        "list --objects": f"replay list --objects --bucket {BUCKET}",
        "list --why": f"replay list --why --bucket {BUCKET}",
        "inspect": f"replay inspect --bucket {BUCKET} {EXAMPLE} --limit 1",
        "plan": f"replay plan --bucket {BUCKET}",
        "run": "replay run replay-plan.json",
        "waive": f"replay waive --bucket {BUCKET} errors/DeviceData/processing-failed/poison --reason test",
        "retire": f"replay retire --bucket {BUCKET}",
        "restore": f"restore --bucket {BUCKET} --out rows.jsonl",
    }
    for name, line in lines.items():
        document = json.loads(run(f"ttl-archive {line} --json").stdout)
        fields = document[0] if isinstance(document, list) else document
        nested = list(fields["causes"][0]) if fields.get("causes") and name == "list --why" else []
        assert [*fields, *nested] == message[name], name


def test_the_readme_s_runbook_names_only_commands_that_exist() -> None:
    readme = (ROOT / "replay" / "README.md").read_text()
    named = set(re.findall(r"^\$ ttl-archive replay (\w+)", readme, re.MULTILINE))

    assert named == {"list", "inspect", "plan", "run", "waive", "retire"}
    runbook = re.search(r"```console\n(.*?)```", readme, re.DOTALL)
    assert runbook
    assert len(runbook[1].splitlines()) == 10


def test_in_a_versioned_bucket_the_manifest_has_the_version_and_retiring_keeps_it(s3: Any) -> None:
    versioned = "my-versioned-archive"
    s3.create_bucket(Bucket=versioned)
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=versioned, Key=EXAMPLE, Body=error_object([change(1)]))["VersionId"]

    assert run(f"ttl-archive replay run --bucket {versioned} --yes").exit_code == 0
    assert run(f"ttl-archive replay retire --bucket {versioned} --yes").exit_code == 0

    (manifest,) = s3.list_objects_v2(Bucket=versioned, Prefix="replay/table=DeviceData/manifests/")[
        "Contents"
    ]
    body = s3.get_object(Bucket=versioned, Key=manifest["Key"])["Body"].read()
    assert json.loads(body)["version_id"] == version
    assert s3.get_object(Bucket=versioned, Key=EXAMPLE, VersionId=version)["ContentLength"] > 0
    again = run(f"ttl-archive replay run --bucket {versioned} --yes")
    assert (again.exit_code, "all of them were retired" in again.stderr) == (4, True)


REPLAY_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Replay"


@pytest.fixture
def step_functions(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedStepFunctions]:
    """A state machine that replays what is under its prefix."""

    def replay_under(order: Order) -> int:
        items = [{"Key": key, "Size": 1} for key in keys(s3, order["prefix"])]
        event = {"bucket": BUCKET, "items": items, "sink": "s3", "stream": "changes"}
        clients = Clients()
        replay_batch(event, clients, load("archive.toml"), stop=Event(), left_s=60)
        clients.close()
        return len(items)

    service = ScriptedStepFunctions({REPLAY_MACHINE: replay_under})
    with serving(service) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", endpoint)
        yield service


def test_distributed_starts_the_state_machine_and_the_manifests_say_what_came_of_it(
    s3: Any, step_functions: ScriptedStepFunctions
) -> None:
    result = run(f"ttl-archive replay run --bucket {BUCKET} --yes --distributed {REPLAY_MACHINE} --json")

    assert (result.exit_code, step_functions.orders) == (3, [{"prefix": "errors/DeviceData/"}]), result.output
    assert "SUCCEEDED: 3 of 3 objects done, 0 failed" in result.stderr
    done = json.loads(result.stdout)
    assert (done["objects"], done["not_done"]) == ({"done": 2, "refused": 1}, [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("arn:aws:states:us-east-1:1:stateMachine:Other", "does not exist"),
        ("arn:Replay --since 7d", "no filter"),
    ],
)
def test_distributed_tells_what_it_cannot_do(
    s3: Any, step_functions: ScriptedStepFunctions, options: str, message: str
) -> None:
    result = run(f"ttl-archive replay run --bucket {BUCKET} --yes --distributed {options}")

    assert (result.exit_code, message in result.stderr) == (2, True), result.output


def test_a_discarded_batch_is_listed_replayed_waived_and_retired_from_its_own_bucket(s3: Any) -> None:
    """Claims, rows and the retired object are in the archive's bucket, where they are for every object."""
    place = f"--bucket {BUCKET} --on-failure {ON_FAILURE}"
    listed = json.loads(run(f"ttl-archive replay list {place} --json").stdout)
    ran = run(f"ttl-archive replay run {place} --yes")
    after = json.loads(run(f"ttl-archive replay list {place} --objects --json").stdout)
    shown = run(f"ttl-archive replay inspect --bucket {BUCKET} s3://{ON_FAILURE}/{discarded.KEY} --line 2")
    waived = run(
        f"ttl-archive replay waive --bucket {BUCKET} s3://{ON_FAILURE}/{discarded.KEY}:2 --reason poison"
    )
    retired = run(f"ttl-archive replay retire {place} --yes")

    assert [(each["type"], each["code"], each["records"]) for each in listed] == [
        ("on-failure", "RetryAttemptsExhausted", 2)
    ]
    assert (ran.exit_code, [each["state"] for each in after]) == (3, ["refused"])
    assert "BadNumber" in shown.stdout
    assert "1 record waived" in waived.stdout
    assert "1 objects were moved" in retired.output
    assert len(keys(s3, "archive/DeviceData/")) == 1
    assert keys(s3, f"replay/table=DeviceData/retired/{discarded.KEY}")
    assert "Contents" not in s3.list_objects_v2(Bucket=ON_FAILURE)
    assert {key.split("/")[0] for key in keys(s3)} == {"archive", "errors", "replay"}


def test_a_plan_for_discarded_batches_is_executed_with_them(s3: Any) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET} --on-failure {ON_FAILURE}")

    result = run("ttl-archive replay run replay-plan.json --json")

    assert (json.loads(result.stdout)["rows"], result.exit_code) == (1, 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"inspect s3://{ON_FAILURE}/{discarded.KEY}", "name it with --bucket"),
        (f"plan --bucket {BUCKET} --on-failure {ON_FAILURE} --sink firehose --stream d", "Use --sink s3"),
        (f"run --bucket {BUCKET} --on-failure {ON_FAILURE} --yes --distributed arn", "no --on-failure"),
        (f"run --on-failure {ON_FAILURE} replay-plan.json", "give these options to plan"),
    ],
)
def test_what_cannot_be_done_with_discarded_batches_is_said(s3: Any, line: str, message: str) -> None:
    run(f"ttl-archive replay plan --bucket {BUCKET}")

    result = run(f"ttl-archive replay {line}")

    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("given", ["no-such-bucket-2", "s3://no-such-bucket-2/aws/lambda/"])
def test_an_on_failure_bucket_that_is_missing_is_named_with_its_option(s3: Any, given: str) -> None:
    result = run(f"ttl-archive replay list --bucket {BUCKET} --on-failure {given}")

    assert result.exit_code == 1
    assert "s3://no-such-bucket-2/aws/lambda/: there is no such bucket. Check its name" in result.stderr
    assert "(--on-failure names this bucket)" in result.stderr


def test_an_error_of_the_archives_bucket_does_not_name_the_other_option(s3: Any) -> None:
    result = run(f"ttl-archive replay plan --bucket no-such-bucket-1 --on-failure {ON_FAILURE}")

    assert "s3://no-such-bucket-1/" in result.stderr
    assert "names this bucket" not in result.stderr


def test_an_on_failure_bucket_that_is_forbidden_is_named_with_its_option() -> None:
    @click.command()
    @options.place_options
    @options.report_errors
    def listing(**given: str | None) -> None:
        url = f"s3://{given['on_failure']}/aws/lambda/"
        raise translate_error(client_error("AccessDenied", "ListObjectsV2"), url, "s3:ListBucket")

    result = CliRunner().invoke(listing, ["--bucket", BUCKET, "--on-failure", ON_FAILURE])

    assert result.exit_code == 1
    assert "Allow s3:ListBucket on it" in result.stderr
    assert "(--on-failure names this bucket)" in result.stderr


def test_an_empty_on_failure_bucket_is_no_empty_archive(s3: Any) -> None:
    s3.delete_object(Bucket=ON_FAILURE, Key=discarded.KEY)

    result = run(f"ttl-archive replay list --bucket {BUCKET} --on-failure {ON_FAILURE}")

    assert result.exit_code == 4
    assert f"s3://{ON_FAILURE}/aws/lambda/: no batch that Lambda discarded is there" in result.output
