"""`ttl-archive schema`: what is open between items, archive.toml and Athena, and how the relations follow."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fakes import client_error
from tests.infra.fake_athena import FakeAthena
from tests.infra.sql.sql_archive import SqlArchive
from tests.replay.bucket import Bucket
from tests.transform.builders import change
from ttl_archive.infra import deploy_settings
from ttl_archive.infra.cli import cli
from ttl_archive.infra.evidence import apply_run, schema_run
from ttl_archive.infra.evidence.archived_sources import archived_source
from ttl_archive.infra.evidence.deployed_relations import (
    deployed_differences,
    plan_relations,
    update_relations,
)
from ttl_archive.infra.sql.archive_relation import ArchiveRelation
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.errors_relation import ERROR_KEYS
from ttl_archive.infra.sql.text_table import archive_text_columns
from ttl_archive.replay.errors import AccessDeniedError, MisuseError, NothingFoundError, ObjectError
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

SOON = "1893456000"
ITEMS = [
    {"id": {"S": "1"}, "ttl": {"N": SOON}, "temp": {"N": "1.5"}, "Site": {"S": "x"}},
    {"id": {"S": "2"}, "ttl": {"N": SOON}, "temp": {"S": "warm"}, "new": {"BOOL": True}},
]
CONFIG = """
[table]
name = "devices"
ttl_attribute = "ttl"
keys = ["ID"]

[[columns]]
name = "id"
[[columns]]
name = "ttl"
type = "bigint"
[[columns]]
name = "temperature"
path = "temp"
type = "decimal(5,1)"
[[columns]]
name = "site"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def items(tmp_path: Path) -> Path:
    file = tmp_path / "items.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    return file


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["schema", *map(str, arguments)])


def test_diff_reports_each_kind_of_difference_and_exits_with_1(config: Path, items: Path):
    result = run("diff", items, "--config", config, "--json")

    assert result.exit_code == 1
    found = {(each["kind"], each["subject"]): each["text"] for each in json.loads(result.stdout)}
    assert set(found) == {
        ("undeclared", "Site"),
        ("undeclared", "new"),
        ("misfit", "temperature"),
        ("unused", "site"),
        ("key", "ID"),
        ("refused", "Site"),
    }
    assert "1 of 2 values do not fit decimal(5,1)" in found["misfit", "temperature"]
    assert "All values of the sample fit string" in found["misfit", "temperature"]
    assert "Items have Site: another name" in found["unused", "site"]
    assert "Items have id: another name" in found["key", "ID"]
    assert "50 % of the items with ColumnCollision" in found["refused", "Site"]


def test_the_columns_that_infer_prints_close_the_differences(config: Path, items: Path):
    missing = run("infer", items, "--config", config)
    corrected = config.read_text().replace('"ID"', '"id"').replace("decimal(5,1)", "string")
    config.write_text(corrected.partition('[[columns]]\nname = "site"')[0] + missing.stdout)

    again, result = run("infer", items, "--config", config), run("diff", items, "--config", config)

    assert 'name = "site_2"\npath = "Site"\ntype = "string"' in missing.stdout
    assert (again.exit_code, again.stdout) == (0, "")
    assert "Every attribute has a column." in again.stderr
    assert (result.exit_code, result.stdout) == (0, "")


def test_diff_says_that_nothing_is_open(config: Path, items: Path):
    config.write_text('[table]\nname = "devices"\nttl_attribute = "ttl"\n')
    columns = run("infer", items, "--config", config).stdout
    config.write_text(config.read_text() + columns)

    result = run("diff", items, "--config", config)

    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing is open." in result.stderr
    assert "2 items, all of" in result.stderr


def test_a_record_that_is_larger_than_the_stream_takes_is_skipped(config: Path, items: Path):
    """By event, the largest record is 1,024 KiB; a control character has six bytes in JSON."""
    large = {"id": {"S": "1"}, "ttl": {"N": SOON}, "text": {"S": "\x01" * 180_000}}
    items.write_text(json.dumps(large) + "\n")
    config.write_text(
        '[table]\nname = "devices"\nttl_attribute = "ttl"\n[output]\npartition_by = "event"\n'
        + "".join(f'[[columns]]\nname = "{name}"\n' for name in large)
    )

    skipped = run("diff", items, "--config", config)
    config.write_text(config.read_text().replace('"event"', '"arrival"'))

    assert skipped.exit_code == 1
    assert skipped.stdout.startswith("skipped")
    assert run("diff", items, "--config", config).exit_code == 0


def test_infer_refuses_rows_that_have_no_columns(config: Path, items: Path):
    config.write_text(CONFIG.partition("[[columns]]")[0] + '[output]\nrow = "envelope"\n')

    result = run("infer", items, "--config", config)

    assert result.exit_code == 2
    assert 'row is "envelope"' in result.stderr
    assert run("diff", items, "--config", config).stdout.startswith("key")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to compare with, one of: --live, --bucket BUCKET, or files of items"),
        (["--live", "--bucket", "rows"], "say what to compare with"),
        (["--live", "--since", "7d"], "--since and --until go with --bucket"),
        (["--bucket", "no bucket"], '"no bucket" is no bucket'),
    ],
)
def test_a_source_that_is_missing_or_doubled_is_a_misuse(config: Path, arguments, message):
    result = run("diff", "--config", config, *arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def rows_in_a_bucket(settings: Settings) -> Bucket:
    """Two days of rows; the older day is in GLACIER."""
    bucket, convert = Bucket(), converter(settings)
    for day, item in zip(("2025-11-20", "2025-11-21"), ITEMS, strict=True):
        row = convert(json.dumps(change(item)).encode())
        assert isinstance(row, Row)
        bucket.fill(f"archive/devices/dt={day}/rows.jsonl", row.line + b"{broken\n")
    bucket.objects["archive/devices/dt=2025-11-20/rows.jsonl"].storage_class = "GLACIER"
    return bucket


def test_delivered_rows_are_items_and_what_is_not_read_is_counted():
    settings = parse({"table": {"name": "devices", "ttl_attribute": "ttl"}, "select": {"changes": "all"}})
    bucket = rows_in_a_bucket(settings)
    found = archived_source(bucket, "rows", settings, Selection())

    assert list(found.source(bucket, settings).items) == [ITEMS[1]]
    assert found.limits() == [
        "1 object in GLACIER not read.",
        "1 line not read: 1 NotJson.",
    ]


def test_a_bucket_without_rows_of_these_days_says_which_days_it_has():
    settings = parse({"table": {"name": "devices", "ttl_attribute": "ttl"}, "select": {"changes": "all"}})
    selection = Selection(since=datetime(2026, 1, 1, tzinfo=UTC))

    with pytest.raises(NothingFoundError, match="It has 2025-11-20 to 2025-11-21"):
        archived_source(rows_in_a_bucket(settings), "rows", settings, selection)


@dataclass
class FakeGlue:
    """One database's tables; an update of archive_files shows in the Athena beside it."""

    tables: dict[str, dict[str, Any]]
    athena: FakeAthena
    errors: dict[str, str] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:
        self._refuse("GetTable")
        assert DatabaseName == "ttl_archive_devices"
        if Name not in self.tables:
            raise client_error("EntityNotFoundException", "GetTable")
        return {"Table": self.tables[Name]}

    def update_table(self, *, DatabaseName: str, TableInput: dict[str, Any], VersionId: str) -> None:
        self._refuse("UpdateTable")
        assert not {"VersionId", "CreateTime", "DatabaseName"} & set(TableInput)
        self.versions.append(VersionId)
        self.tables["archive_files"] = TableInput
        names = [column["Name"] for column in TableInput["StorageDescriptor"]["Columns"]]
        self.athena.tables["archive_files"] = [*names, "dt"]

    def _refuse(self, operation: str) -> None:
        if operation in self.errors:
            raise client_error(self.errors[operation], operation)


SERDES = {
    "jsonl": "org.openx.data.jsonserde.JsonSerDe",
    "csv": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
}


def deployed(settings: Settings) -> tuple[FakeGlue, FakeAthena]:
    """What a stack of these settings left in Glue: the text table and the columns of the view."""
    columns = archive_text_columns(settings)
    names = [column.name for column in columns]
    athena = FakeAthena({"archive_files": [*names, "dt"], "error_files": [*ERROR_KEYS, "$path"]})
    parameters = {"case.insensitive": "false", **{f"mapping.{c.name}": c.key for c in columns}}
    table = {
        "Name": "archive_files",
        "DatabaseName": "ttl_archive_devices",
        "CreateTime": "2026-01-01",
        "VersionId": "7",
        "PartitionKeys": [{"Name": "dt", "Type": "string"}],
        "Parameters": {"projection.enabled": "true"},
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": "string"} for name in names],
            "Location": "s3://rows/archive/devices/",
            "SerdeInfo": {
                "SerializationLibrary": SERDES[settings.output.format],
                "Parameters": parameters if settings.output.format == "jsonl" else {"separatorChar": ","},
            },
        },
    }
    glue = FakeGlue({"archive_files": table}, athena)
    show_view(glue, settings)
    return glue, athena


def show_view(glue: FakeGlue, settings: Settings) -> None:
    """Put the columns of the view `archive` into Glue, in the types that Athena writes there."""
    types = {"json": "string", "timestamp": "timestamp"}
    columns = [
        {"Name": column.name, "Type": types.get(column.type, column.type)}
        for column in ArchiveRelation(settings, AthenaDialect()).columns()
    ]
    glue.tables["archive"] = {"StorageDescriptor": {"Columns": columns}}


def of_columns(*columns: dict[str, str], **output: Any) -> Settings:
    return parse(
        {
            "table": {"name": "devices", "ttl_attribute": "ttl", "keys": ["id"]},
            "output": output,
            "columns": list(columns),
        }
    )


BEFORE = [{"name": "temperature", "path": "temp", "type": "decimal(5,1)"}]
AFTER = [{"name": "temp", "type": "string"}, {"name": "is_new", "path": "new", "type": "boolean"}]


def apply(glue: FakeGlue, athena: FakeAthena, settings: Settings) -> list[int]:
    deploy, done = deploy_settings.parse({}, settings), []
    update = plan_relations(glue, settings, deploy)
    update_relations(glue, athena, update, deploy, on_statement=done.append, pause=lambda _: None)
    return done


def test_apply_updates_the_text_table_first_and_then_replaces_every_view():
    glue, athena = deployed(of_columns(*BEFORE))
    wanted = of_columns(*AFTER)
    deploy = deploy_settings.parse({}, wanted)

    update = plan_relations(glue, wanted, deploy)
    done = apply(glue, athena, wanted)

    assert set(update.added) == {"temp", "is_new", "ddb_own_is_new"}
    assert set(update.removed) == {"temperature", "ddb_own_temperature"}
    assert done == [1, 2, 3, 4, 5]
    assert [statement.split()[-1] for statement in athena.statements] == [
        "archive",
        "archive_unique",
        "archive_latest",
        "archive_history",
        "errors",
    ]
    assert not any("DROP" in statement for statement in athena.statements)
    assert athena.contexts == {("ttl_archive_devices", "ttl-archive-devices")}
    assert {"temp", "is_new"} < set(athena.views["archive"])
    serde = glue.tables["archive_files"]["StorageDescriptor"]["SerdeInfo"]["Parameters"]
    assert serde["mapping.ddb_own_is_new"] == "new"
    assert "mapping.temperature" not in serde
    assert serde["case.insensitive"] == "false"
    assert glue.versions == ["7"]


def test_apply_of_the_deployed_columns_leaves_the_table_alone():
    settings = of_columns(*BEFORE)
    glue, athena = deployed(settings)

    assert apply(glue, athena, settings) == [1, 2, 3, 4, 5]
    assert glue.versions == []


def test_deployed_differences_are_named_until_they_are_applied():
    glue, athena = deployed(of_columns(*BEFORE))
    wanted = of_columns(*AFTER, {"name": "seen", "type": "timestamp"})
    deploy = deploy_settings.parse({}, wanted)

    before = {each.subject for each in deployed_differences(glue, wanted, deploy)}
    apply(glue, athena, wanted)
    show_view(glue, wanted)

    assert before == {"temp", "is_new", "seen", "temperature"}
    assert deployed_differences(glue, wanted, deploy) == []
    retyped = of_columns(*AFTER[:1], {**AFTER[1], "type": "bigint"}, {"name": "seen", "type": "timestamp"})
    (difference,) = deployed_differences(glue, retyped, deploy)
    assert "It is boolean in Athena's archive, and bigint in archive.toml" in difference.text


CSV = {"format": "csv"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (of_columns(*BEFORE), of_columns(*AFTER, date_column="day"), "has the date column dt"),
        (of_columns(*BEFORE), of_columns(*AFTER, **CSV), "reads jsonl"),
        (of_columns(*BEFORE, **CSV), of_columns(*AFTER, **CSV), "columns can only be appended"),
    ],
)
def test_a_change_that_would_make_rows_unreadable_is_refused(before, after, message):
    glue, _ = deployed(before)

    with pytest.raises(MisuseError, match=message):
        plan_relations(glue, after, deploy_settings.parse({}, after))


def test_a_csv_column_is_appended():
    glue, athena = deployed(of_columns(*BEFORE, **CSV))

    assert apply(glue, athena, of_columns(*BEFORE, AFTER[1], **CSV)) == [1, 2, 3, 4, 5]
    assert athena.tables["archive_files"][-2:] == ["is_new", "dt"]


def test_another_tables_catalog_and_no_catalog_are_refused():
    settings = of_columns(*BEFORE)
    deploy = deploy_settings.parse({}, settings)
    glue, athena = deployed(settings)
    glue.tables["archive_files"]["StorageDescriptor"]["Location"] = "s3://rows/archive/others/"

    with pytest.raises(MisuseError, match="reads s3://rows/archive/others/"):
        plan_relations(glue, settings, deploy)
    with pytest.raises(MisuseError, match="no relations in database ttl_archive_devices"):
        plan_relations(FakeGlue({}, athena), settings, deploy)


def test_a_refused_permission_and_a_failed_statement_are_named():
    settings = of_columns(*AFTER)
    glue, athena = deployed(of_columns(*BEFORE))
    glue.errors["UpdateTable"] = "AccessDeniedException"
    with pytest.raises(AccessDeniedError, match="Allow glue:UpdateTable on it"):
        apply(glue, athena, settings)

    glue.errors = {"GetTable": "AccessDeniedException"}
    with pytest.raises(AccessDeniedError, match="Allow glue:GetTable on it"):
        apply(glue, athena, settings)

    glue.errors = {}
    athena.refuse = ["AccessDeniedException"]
    with pytest.raises(AccessDeniedError, match="Allow athena:StartQueryExecution on it"):
        apply(glue, athena, settings)

    athena.failures = [{"State": "FAILED", "StateChangeReason": "no such bucket"}]
    with pytest.raises(ObjectError, match=r"workgroup ttl-archive-devices: CREATE.*no such bucket"):
        apply(glue, athena, settings)
    assert apply(glue, athena, settings) == [1, 2, 3, 4, 5]  # a second run finishes it


def test_apply_from_the_command_line(config: Path, monkeypatch: pytest.MonkeyPatch):
    config.write_text(config.read_text().replace('"ID"', '"id"'))
    glue, athena = deployed(of_columns(*BEFORE))
    athena.looks = 0
    clients = {"glue": glue, "athena": athena}
    for module in (schema_run, apply_run):
        monkeypatch.setattr(module, "clients_of_command", lambda profile, region: clients.__getitem__)

    dry = run("apply", "--config", config, "--dry-run")
    assert dry.exit_code == 0
    assert "CREATE OR REPLACE VIEW archive_latest AS" in dry.stdout
    assert athena.statements == []

    done = run("apply", "--config", config, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["views"] == 5
    assert json.loads(done.stdout)["done"] is True
    assert run("diff", "--config", config, "--deployed").exit_code == 1  # Glue has the views of before


def test_old_rows_answer_in_the_embedded_engine_as_soon_as_an_attribute_has_a_column(tmp_path: Path):
    archive = SqlArchive(tmp_path)
    before = of_columns({"name": "id"}, *BEFORE)
    archive.deliver(before, *(change(item) for item in ITEMS if "new" in item))

    after = of_columns({"name": "id"}, *BEFORE, AFTER[1])
    archive.deliver(after, change({"id": {"S": "3"}, "new": {"BOOL": False}}))

    answer = archive.ask(after, "SELECT id, is_new FROM archive ORDER BY id")
    assert answer == [("2", True), ("3", False)]
