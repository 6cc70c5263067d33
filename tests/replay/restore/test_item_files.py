"""The files that restore writes: exact, private, whole or missing, and safe in a spreadsheet on request."""

import csv
import gzip
import io
import json
import multiprocessing
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.replay.restore.archives import archived, read_one
from tests.replay.samples import CSV_SETTINGS, SETTINGS, change
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.restore import item_files
from ttl_archive.replay.restore.output_file import check_output, whole_file
from ttl_archive.transform.settings import Settings


def staged(settings: Settings, **image: Any) -> str:
    return item_files.staged_row(read_one(archived(settings, change(1, **image)), settings).columns)


def as_csv(line: str, columns: list[str], *, guard: bool = False) -> dict[str, str]:
    file = io.StringIO()
    item_files.write_csv([line], file, columns, guard=guard)
    (row,) = csv.DictReader(io.StringIO(file.getvalue()))
    return row


def test_numbers_keep_their_digits_in_jsonl() -> None:
    digits = "1234567890123456789012345678901234.5678"

    line = staged(SETTINGS, n={"N": digits}, e={"N": "1.50E+3"})

    assert f'"n":{digits}' in line
    assert '"e":1.50E+3' in line
    assert "ddb_image" not in line


def test_csv_has_a_header_and_what_has_no_column_as_json() -> None:
    row = as_csv(staged(SETTINGS, note={"S": 'a "b",\nc'}), ["ddb_event_id", "deviceID", "nothing"])

    rest = json.loads(row["ddb_rest"])
    assert (row["ddb_event_id"], row["deviceID"], row["nothing"]) == ("e1", "d1", "")
    assert (rest["note"], rest["n"]) == ('a "b",\nc', 1.5)


def test_csv_of_a_csv_archive_has_its_columns_and_the_rest_at_the_end() -> None:
    columns = [name for name in CSV_SETTINGS.row_columns if name != "ddb_image"]

    row = as_csv(staged(CSV_SETTINGS, note={"S": "x"}), columns)

    assert list(row)[-2:] == ["device_id", "ddb_rest"]
    assert (row["device_id"], json.loads(row["ddb_rest"])) == ("d1", {"n": 1.5, "note": "x"})


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_run_is_guarded_on_request(text: str) -> None:
    line = staged(SETTINGS, note={"S": text}, n={"N": "-1.5"})

    assert as_csv(line, ["note", "n"])["note"] == text
    guarded = as_csv(line, ["note", "n"], guard=True)
    assert (guarded["note"], guarded["n"]) == ("'" + text, "-1.5")


def test_an_event_id_with_a_newline_round_trips_through_csv() -> None:
    record = change(1).replace(b'"e1"', b'"line\\none\\\\n"')

    row = read_one(archived(CSV_SETTINGS, record), CSV_SETTINGS)

    assert json.loads(bytes(row.columns["ddb_event_id"])) == "line\none\\n"


def test_the_text_of_an_image_is_written_as_it_is_unless_it_has_newlines() -> None:
    assert item_files.staged_image('{"a": {"S": "x"}}') == '{"a": {"S": "x"}}'
    assert item_files.staged_image('{"a":\n{"S": "x"}}') == '{"a":{"S":"x"}}'


@pytest.mark.parametrize("name", ["out.json", "out.json.gz"])
def test_a_file_appears_only_when_it_is_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(ReplayError, match="broken"), whole_file(path) as file:  # noqa: PT012
        file.write("half")
        raise ReplayError("broken")
    assert list(tmp_path.iterdir()) == []

    with whole_file(path) as file:
        item_files.write_dynamodb_json(['{"a":{"S":"ü"}}'], file)

    body = gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()
    assert body.decode() == '{"Item":{"a":{"S":"ü"}}}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_part_that_a_kill_left_is_used_again_and_private(tmp_path: Path) -> None:
    left = tmp_path / "out.part"
    left.write_text("what a killed run had written, and longer")
    left.chmod(0o644)

    with whole_file(tmp_path / "out") as file:
        file.write("new")

    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    with whole_file(tmp_path / "out") as file:
        file.write("first")
        with pytest.raises(MisuseError, match="another run is writing"), whole_file(tmp_path / "out"):
            pass

    assert (tmp_path / "out").read_text() == "first"


def write_over_the_limit(folder: Path, name: str, answer: Any) -> None:
    """What a child process does: no file may have more than 4 KiB, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        with whole_file(folder / name) as file:
            for number in range(100_000):
                file.write(f"{number * 7919}\n")
    except ReplayError as error:
        answer.put(str(error))
    else:
        answer.put("written")


@pytest.mark.parametrize("name", ["out", "out.gz"])
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    context = multiprocessing.get_context("forkserver")
    answer = context.SimpleQueue()
    child = context.Process(target=write_over_the_limit, args=(tmp_path, name, answer))
    child.start()
    message = answer.get()
    child.join()
    child.close()

    assert message.startswith(f"{tmp_path / name}: ")
    assert "Nothing was written; free space and run again" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("path", "message"), [("nowhere/x", "Create it first"), ("", "this is a folder")])
def test_an_output_that_cannot_be_written_is_reported_beforehand(
    tmp_path: Path, path: str, message: str
) -> None:
    with pytest.raises(MisuseError, match=message):
        check_output(tmp_path / path)
    check_output(settings_path := tmp_path / "fine")
    assert not settings_path.exists()
