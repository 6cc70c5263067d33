from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ends, is_running
from ttl_archive.infra.local.firehose.function import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    FunctionError,
    FunctionTimedOut,
)
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime

PROJECT = Path(__file__).parents[4]
HANDLER = """
import os, sys, time

def raise_(event, context):
    raise ValueError("bad é")

def leave(event, context):
    os._exit(3)

def killed(event, context):
    os.kill(os.getpid(), 9)

def spin(event, context):
    print(os.getpid())
    while True:
        pass

def answer(event, context):
    return "x" * (event["bytes"] - 2)

def log(event, context):
    print("to stdout é")
    print("to stderr", file=sys.stderr)

def describe(event, context):
    return {"pid": os.getpid(), "left": context.get_remaining_time_in_millis(),
            "name": context.function_name, "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb, "environ": dict(os.environ)}

def handler(event, context):
    return globals()[event.get("do", "describe")](event, context)
"""


@pytest.fixture(scope="module")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("task")
    (root / "app.py").write_text(HANDLER)
    return root


@pytest.fixture(scope="module")
def runtime(task_root: Path) -> Iterator[LambdaRuntime]:
    with LambdaRuntime("app.handler", task_root=task_root, function_name="f", memory_mb=128) as runtime:
        yield runtime


def ask(runtime: LambdaRuntime, **event: object) -> dict:
    return json.loads(runtime.invoke(json.dumps(event).encode()))


def test_the_handler_runs_in_another_process_with_lambdas_context(runtime: LambdaRuntime) -> None:
    answer = ask(runtime)

    assert os.getpid() != answer["pid"]
    assert (answer["name"], answer["memory"]) == ("f", "128")
    assert answer["arn"].endswith(":123456789012:function:f")
    assert 0 < answer["left"] <= 60_000


def test_the_handler_sees_lambdas_environment_and_nothing_of_ours(
    task_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    with LambdaRuntime("app.handler", task_root=task_root, environment={"GIVEN": "1"}) as runtime:
        environ = ask(runtime)["environ"]

    assert "AWS_SECRET_ACCESS_KEY" not in environ
    assert ("1", "us-east-1", str(task_root)) == (
        environ["GIVEN"],
        environ["AWS_REGION"],
        environ["LAMBDA_TASK_ROOT"],
    )


def test_one_process_serves_many_invocations(runtime: LambdaRuntime) -> None:
    assert len({ask(runtime)["pid"] for _ in range(20)}) == 1


@pytest.mark.parametrize(
    ("execution_env", "expected"),
    [("AWS_Lambda_python3.13", '"é": "n"'.encode()), (None, b'"\\u00e9": "n"')],
)
def test_the_answer_is_encoded_as_the_execution_environment_does(
    tmp_path: Path, execution_env: str | None, expected: bytes
) -> None:
    (tmp_path / "echo.py").write_text("def handler(event, context): return event")
    with LambdaRuntime("echo.handler", task_root=tmp_path, execution_env=execution_env) as runtime:
        assert b"{" + expected + b"}" == runtime.invoke('{"é":"n"}'.encode())


def test_what_the_handler_raises_is_reported_and_the_process_goes_on(runtime: LambdaRuntime) -> None:
    before = ask(runtime)["pid"]

    with pytest.raises(FunctionError, match="ValueError: bad é") as caught:
        ask(runtime, do="raise_")

    assert caught.value.error_type == "ValueError"
    assert ask(runtime)["pid"] == before


@pytest.mark.parametrize(("do", "message"), [("leave", "exit status 3"), ("killed", "signal: killed")])
def test_a_crash_in_an_invocation_is_an_error_and_the_next_one_has_a_new_process(
    runtime: LambdaRuntime, do: str, message: str
) -> None:
    before = ask(runtime)["pid"]

    with pytest.raises(FunctionError, match=message) as caught:
        ask(runtime, do=do)

    assert caught.value.error_type == "Runtime.ExitError"
    assert before != ask(runtime)["pid"]


def test_a_process_that_died_between_invocations_is_replaced_unnoticed(runtime: LambdaRuntime) -> None:
    before = ask(runtime)["pid"]
    os.kill(before, signal.SIGKILL)
    time.sleep(0.2)

    assert before != ask(runtime)["pid"]


def test_a_handler_past_its_timeout_is_killed_and_replaced(task_root: Path) -> None:
    with LambdaRuntime("app.handler", task_root=task_root, timeout_s=0.3) as runtime:
        runtime.wait_ready()
        with pytest.raises(FunctionTimedOut, match=r"timed out after 0\.30 seconds"):
            ask(runtime, do="spin")

        spinning = int(runtime.logs()[0])
        assert ends(spinning)
        assert spinning != ask(runtime)["pid"]


def test_a_response_passes_at_the_cut_off_and_fails_one_byte_above(runtime: LambdaRuntime) -> None:
    event = {"do": "answer", "bytes": MAX_RESPONSE_BYTES}
    assert len(runtime.invoke(json.dumps(event).encode())) == MAX_RESPONSE_BYTES

    event["bytes"] += 1
    with pytest.raises(FunctionError, match=r"\(6291556 bytes\)") as caught:
        runtime.invoke(json.dumps(event).encode())

    assert caught.value.error_type == "Function.ResponseSizeTooLarge"
    assert ask(runtime)["name"] == "f"


def test_a_request_over_the_limit_is_refused_before_the_function(runtime: LambdaRuntime) -> None:
    with pytest.raises(FunctionError, match="6291457 bytes is over"):
        runtime.invoke(b" " * (MAX_REQUEST_BYTES + 1))


def test_the_lines_that_the_handler_wrote_are_there_as_soon_as_it_answered(task_root: Path) -> None:
    with LambdaRuntime("app.handler", task_root=task_root) as runtime:
        for _ in range(50):
            ask(runtime, do="log")
            assert runtime.logs()[-2:] == ["to stdout é", "to stderr"]
        assert len(runtime.logs()) == 100
        runtime.restart()
        ask(runtime, do="log")

        assert len(runtime.logs()) == 102


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("nowhere.handler", "Runtime.ImportModuleError: Unable to import module 'nowhere'"),
        ("app.nothing", "Runtime.HandlerNotFound: Handler 'nothing' missing on module 'app'"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_named_at_each_use(
    task_root: Path, handler: str, message: str
) -> None:
    with LambdaRuntime(handler, task_root=task_root) as runtime:
        with pytest.raises(FunctionError, match=message):
            runtime.wait_ready()
        with pytest.raises(FunctionError, match=message):
            runtime.invoke(b"{}")


def test_closing_ends_the_process(task_root: Path) -> None:
    with LambdaRuntime("app.handler", task_root=task_root) as runtime:
        pid = ask(runtime)["pid"]

    assert not is_running(pid)
    runtime.close()  # again: nothing happens


def test_the_process_ends_with_its_parent_even_in_the_middle_of_a_busy_handler(task_root: Path) -> None:
    program = f"""
    import threading, time
    from pathlib import Path
    from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime
    runtime = LambdaRuntime("app.handler", task_root=Path({str(task_root)!r}))
    threading.Thread(target=runtime.invoke, args=(b'{{"do": "spin"}}',), daemon=True).start()
    while not runtime.logs():
        time.sleep(0.01)
    print(runtime.logs()[0], flush=True)
    time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()

    assert ends(child)
