from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from infra.local.emulator import Emulator, EmulatorError

PROJECT = Path(__file__).parents[3]


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if (stat := Path(f"/proc/{pid}/stat")).exists() and stat.read_text().split()[2] == "Z":
                return True  # ended; nobody has asked for its status yet
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as emulator:
        yield emulator


def test_s3_dynamodb_streams_and_kinesis_answer_over_http(emulator: Emulator) -> None:
    assert emulator.client("s3").list_buckets()["Buckets"] == []
    assert emulator.client("dynamodb").list_tables()["TableNames"] == []
    assert emulator.client("dynamodbstreams").list_streams()["Streams"] == []
    assert emulator.client("kinesis").list_streams()["StreamNames"] == []


def test_boto3_in_another_process_needs_only_the_environment(emulator: Emulator) -> None:
    program = "import boto3; boto3.client('s3').create_bucket(Bucket='from-outside')"
    environment = {"PATH": os.environ["PATH"], **emulator.environment()}

    subprocess.run([sys.executable, "-c", program], env=environment, check=True)

    buckets = emulator.client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["from-outside"]


def test_two_emulators_share_nothing(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(Bucket="only-here")
    with Emulator() as other:
        assert emulator.url != other.url
        assert other.client("s3").list_buckets()["Buckets"] == []


def test_stopping_ends_the_process_and_may_be_done_twice() -> None:
    with Emulator() as emulator:
        pid = emulator.pid

    emulator.stop()
    assert ends(pid)


def test_a_server_that_died_is_told_with_its_address() -> None:
    with Emulator() as emulator:
        os.kill(emulator.pid, signal.SIGKILL)
        assert ends(emulator.pid)

        with pytest.raises(EmulatorError, match=rf"{emulator.url} does not answer"):
            emulator.wait_ready()


def test_the_server_ends_with_its_parent() -> None:
    program = """
    import time
    from infra.local.emulator import Emulator
    with Emulator() as emulator:
        print(emulator.pid, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()

    assert ends(pid)


def test_ctrl_c_ends_the_server_with_its_owner() -> None:
    program = """
    import time
    from infra.local.emulator import Emulator
    try:
        with Emulator() as emulator:
            print(emulator.pid, flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as owner:
        pid = int(owner.stdout.readline())
        owner.send_signal(signal.SIGINT)
        assert owner.stdout.read() == "interrupted\n"

    assert ends(pid)
