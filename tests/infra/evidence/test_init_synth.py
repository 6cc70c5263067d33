"""A configuration that `ttl-archive init` writes becomes a stack."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.source_tree import ROOT
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.demo.mixed_items import KEY, TABLE, mixed_items

_SYNTHESISE = """
import sys
from pathlib import Path
from ttl_archive.infra import deploy_settings, node
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.package import write_zip
from ttl_archive.transform.settings import load

settings, folder = load(sys.argv[1], deploy_settings.SECTIONS), Path(sys.argv[2])
zips = {part: folder / f"{part}.zip" for part in ("transform", "replay", "attachment")}
for part, file in zips.items():
    write_zip(file, {f"{part}.txt": part.encode()})
node.use_wheel()
from ttl_archive.infra.app import archive_app

archive_app([(settings, deploy_settings.load(settings))], Assets(**zips), folder / "cdk.out").synth()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("file_format", "source"), [("jsonl", "kinesis"), ("csv", "streams")])
def test_the_configuration_synthesises(tmp_path: Path, file_format: str, source: str) -> None:
    items, config = tmp_path / "orders.jsonl", tmp_path / "archive.toml"
    items.write_text("".join(json.dumps(item) + "\n" for item in mixed_items()))
    arguments = ["--table", TABLE, "--key", KEY, "--format", file_format, "--source", source]
    arguments += ["--out", str(config), str(items)]
    made = CliRunner().invoke(cli, ["init", *arguments])
    assert made.exit_code == 0, made.output

    command = [sys.executable, "-c", _SYNTHESISE, str(config), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-4000:]
    template = json.loads((tmp_path / "cdk.out" / "ttl-archive-Orders.template.json").read_text())
    tables = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Glue::Table"]
    names = {table["TableInput"]["Name"]: table["TableInput"]["StorageDescriptor"] for table in tables}
    columns = {column["Name"] for column in names["archive_files"]["Columns"]}
    assert {"order_id", "customer_id", "customer_id_2", "dt_2", "status", "status_2"} < columns
