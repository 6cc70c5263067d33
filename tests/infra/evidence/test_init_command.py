"""`ttl-archive init`: what it refuses and says, with files and with scripted answers of DynamoDB."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fakes import client_error
from ttl_archive.infra import deploy_settings
from ttl_archive.infra.cli import cli
from ttl_archive.infra.evidence import init_choices
from ttl_archive.infra.evidence.item_sources import table_source
from ttl_archive.infra.evidence.live_table import describe_live_table
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.replay.errors import AccessDeniedError, MisuseError
from ttl_archive.transform.settings import load

ROOT = Path(__file__).parents[3]
SOON = 1_793_883_200
ITEMS = [
    {"deviceID": {"S": "a"}, "at": {"N": str(SOON)}, "expiredAt": {"N": str(SOON)}},
    {"deviceID": {"S": "b"}, "at": {"N": "5"}, "expiredAt": {"N": str(SOON * 1000)}},
]


class FakeDynamoDb:
    """A table that answers as a script says: errors by operation, and items in two segments."""

    def __init__(self, *, ttl: str = "ENABLED", errors: dict[str, str] | None = None) -> None:
        self.ttl, self.errors, self.scans = ttl, errors or {}, []

    def _refuse(self, operation: str) -> None:
        if operation in self.errors:
            raise client_error(self.errors[operation], operation)

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        self._refuse("DescribeTable")
        keys = [("at", "RANGE"), ("deviceID", "HASH")]
        schema = [{"AttributeName": name, "KeyType": kind} for name, kind in keys]
        return {"Table": {"KeySchema": schema, "ItemCount": 1_000, "TableSizeBytes": 5}}

    def describe_time_to_live(self, *, TableName: str) -> dict[str, Any]:
        self._refuse("DescribeTimeToLive")
        return {"TimeToLiveDescription": {"TimeToLiveStatus": self.ttl, "AttributeName": "expiredAt"}}

    def get_paginator(self, operation: str) -> "FakeDynamoDb":
        assert operation == "scan"
        return self

    def paginate(self, **request: Any) -> Any:
        self._refuse("Scan")
        self.scans.append(request)
        yield {"Items": [{"deviceID": {"S": f"s{request['Segment']}"}, "raw": {"B": b"\x00\xff"}}] * 3}
        yield {"Items": []}


def init(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["init", *arguments])


@pytest.fixture
def items(tmp_path: Path) -> Path:
    file = tmp_path / "items.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    return file


def test_a_file_that_exists_is_never_overwritten(tmp_path: Path, items: Path):
    out = tmp_path / "archive.toml"
    out.write_text("mine")

    result = init("--table", "Devices", "--ttl-attribute", "expiredAt", "--out", str(out), str(items))

    assert result.exit_code == 2
    assert f"{out} exists and is not overwritten" in result.output
    assert out.read_text() == "mine"


def test_dry_run_prints_a_configuration_that_loads_and_writes_nothing(tmp_path: Path, items: Path):
    out = tmp_path / "archive.toml"
    result = init(
        *("--table", "Devices", "--ttl-attribute", "expiredAt", "--out", str(out), "--dry-run", str(items))
    )

    assert result.exit_code == 0, result.output
    assert not out.exists()
    out.write_text("[table]\n" + result.output.partition("\n[table]\n")[2])
    settings = load(out, deploy_settings.SECTIONS)
    assert deploy_settings.load(settings).stream_mode == "on-demand"
    assert {column.path: column.type for column in settings.columns} == {
        ("deviceID",): "string",
        ("at",): "bigint",
        ("expiredAt",): "bigint",
    }


def test_json_says_how_much_was_seen_and_has_no_value_of_an_item(tmp_path: Path, items: Path):
    out = tmp_path / "archive.toml"
    arguments = ["--table", "Devices", "--ttl-attribute", "expiredAt", "--out", str(out), "--limit", "1"]

    document = json.loads(init(*arguments, "--json", str(items)).output)

    assert document["read"] == {"place": str(items), "items": 1, "of": None, "is_all": False}
    assert document["ttl"] == {"attribute": "expiredAt", "items": {"epoch seconds": 1}}
    assert document["with_configuration"]["rows"] == 1
    assert document["written"] == str(out)
    assert tomllib.loads(document["config"]) == tomllib.loads(out.read_text())
    assert str(SOON) not in json.dumps(document)


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        ([], "Attributes that hold epoch seconds in most items: expiredAt, at", 2),
        (["--ttl-attribute", "expiredAt", "--key", "id"], '--key names "id", and not every item has it', 2),
        (["--ttl-attribute", "expiredAt", "--key", "at", "--key", "at"], "A table has one key attribute", 2),
        (["--ttl-attribute", "expiredAt", "--interactive"], "--interactive needs a terminal", 2),
    ],
)
def test_what_is_missing_or_wrong_is_named(tmp_path: Path, items: Path, arguments, message, code):
    if not arguments:
        items.write_text(json.dumps(ITEMS[0]) + "\n")

    out = ["--table", "Devices", "--out", str(tmp_path / "archive.toml")]
    result = init(*out, *arguments, str(items))

    assert result.exit_code == code
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "archive.toml").exists()


def test_a_broken_line_is_named_with_its_file(tmp_path: Path, items: Path):
    items.write_text(json.dumps(ITEMS[0]) + "\n{broken\n")

    result = init("--table", "Devices", "--dry-run", str(items))

    assert result.exit_code == 1
    assert f"{items}, line 2 is not an item" in result.output


def test_text_that_is_not_unicode_is_named_with_its_place(tmp_path: Path, items: Path):
    items.write_text('{"pk": {"S": "\\ud800"}}\n')

    result = init("--table", "Devices", "--dry-run", str(items))

    assert result.exit_code == 1
    assert "item 1: a text has half of a surrogate pair" in result.output


def test_a_number_of_a_billion_digits_is_refused_and_does_not_fill_the_memory(items: Path):
    items.write_text('{"pk": {"S": "a"}, "n": {"N": "1E999999999"}, "m": {"N": "-1E-999999999"}}\n')

    arguments = ["--table", "Devices", "--ttl-attribute", "t", "--dry-run", "--json", str(items)]
    document = json.loads(init(*arguments).output)

    (refused,) = document["with_configuration"]["refused"]
    assert (refused["code"], refused["attributes"]) == ("BadNumber", "n")


def test_an_exponent_that_python_cannot_read_is_named_with_its_item(items: Path):
    items.write_text('{"pk": {"S": "a"}}\n{"n": {"N": "1E99999999999999999999"}}\n')

    result = init("--table", "Devices", "--ttl-attribute", "t", "--dry-run", str(items))

    assert result.exit_code == 1
    assert "item 2: the exponent of a number is far beyond what DynamoDB holds" in result.output


def test_a_ttl_in_milliseconds_is_no_candidate_and_is_named(items: Path):
    items.write_text(json.dumps(ITEMS[1]) + "\n")

    result = init("--table", "Devices", "--dry-run", str(items))

    assert result.exit_code == 2
    assert "in most items: none; milliseconds, by which nothing ever expires: expiredAt" in result.output


def test_a_name_that_is_no_table_is_reported_by_the_loader(items: Path):
    result = init("--table", "a b", "--ttl-attribute", "expiredAt", "--dry-run", str(items))

    assert result.exit_code == 2
    assert '[table] name has value "a b"' in result.output


def test_interactive_asks_only_what_is_not_known(tmp_path: Path, items: Path, monkeypatch):
    monkeypatch.setattr(init_choices, "is_terminal", lambda: True)
    out = tmp_path / "archive.toml"
    arguments = ["init", "--table", "Devices", "--out", str(out), "--interactive", str(items)]

    result = CliRunner().invoke(cli, arguments, input="expiredAt\ndeviceID, at\ncsv\nstreams\n")

    assert result.exit_code == 0, result.output
    settings = load(out, deploy_settings.SECTIONS)
    assert settings.table.keys == ("deviceID", "at")
    assert settings.table.ttl_attribute == "expiredAt"
    assert settings.output.format == "csv"
    questions = [
        "TTL attribute (attributes with epoch seconds: expiredAt, at)",
        "Key attr",
        "Format of",
        "Road of",
    ]
    assert [question for question in questions if question not in result.output] == []


def test_interactive_asks_nothing_that_was_given(tmp_path: Path, items: Path, monkeypatch):
    monkeypatch.setattr(init_choices, "is_terminal", lambda: True)
    given = [
        "--ttl-attribute",
        "expiredAt",
        "--key",
        "deviceID",
        "--format",
        "jsonl",
        "--interactive",
        "--source",
        "kinesis",
    ]

    result = init("--table", "Devices", "--out", str(tmp_path / "archive.toml"), *given, str(items))

    assert result.exit_code == 0, result.output
    assert "Key attributes" not in result.output
    assert "Format of" not in result.output
    assert "Road of" not in result.output


def test_a_live_table_is_described_and_read_from_all_its_segments():
    client = FakeDynamoDb()
    live = describe_live_table(client, "Devices")
    with SampleStore(table_source(client, "Devices", live.item_count, 20), 20) as store:
        read = list(store.fill())

        assert live.keys == ("deviceID", "at")
        assert live.ttl_attribute == "expiredAt"
        assert len(read) == store.count == 20
        assert not store.is_all
        assert store.extent().startswith("20 items of about 1,000 in table Devices, which has more")
        assert read[0]["raw"] == {"B": "AP8="}
        assert len({item["deviceID"]["S"] for item in read}) == 7  # pages of three, each of another segment
        assert list(store) == read
    assert {(scan["TotalSegments"], scan["Limit"]) for scan in client.scans} == {(16, 2)}
    assert len(client.scans) == 7  # no page is read before it is needed


def test_ttl_that_is_off_has_no_attribute():
    assert describe_live_table(FakeDynamoDb(ttl="DISABLED"), "Devices").ttl_attribute is None


@pytest.mark.parametrize("operation", ["DescribeTable", "DescribeTimeToLive", "Scan"])
def test_a_refused_permission_is_named(operation: str):
    client = FakeDynamoDb(errors={operation: "AccessDeniedException"})

    with pytest.raises(AccessDeniedError, match=f"Allow dynamodb:{operation} on it"):  # noqa: PT012  both calls
        describe_live_table(client, "Devices")
        list(table_source(client, "Devices", None, 10).items)


def test_a_table_that_does_not_exist_is_named():
    client = FakeDynamoDb(errors={"DescribeTable": "ResourceNotFoundException"})

    with pytest.raises(MisuseError, match="--table Devices: there is no such table"):
        describe_live_table(client, "Devices")
