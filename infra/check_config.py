"""`ttl-archive check-config`: the configuration with every default, or all its mistakes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.deployed_stack import update_problems
from ttl_archive.infra.scheduled_reports.report_settings import load_reports
from ttl_archive.infra.scheduled_reports.report_warnings import report_warnings
from ttl_archive.infra.sql.config_warnings import config_warnings
from ttl_archive.replay.aws import Clients
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.settings import Settings, load


@click.command("check-config")
@click.option("--config", type=click.Path(path_type=Path), help="The settings file.  [default: archive.toml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of TOML.")
@click.option("--deployed", metavar="STACK", help="Report what an update of this stack would refuse.")
def check_config(config: Path | None, as_json: bool, deployed: str | None) -> None:
    """Print the configuration with every default filled in, or all its mistakes (exit code 2).

    Warnings on stderr say what a choice gives up in SQL.

    Without --config: the file that TTL_ARCHIVE_CONFIG names, else archive.toml in the current folder.

    \b
    To check the file in this folder:   ttl-archive check-config
    To check another one:               ttl-archive check-config --config path/to/archive.toml
    To check an update of a stack:      ttl-archive check-config --deployed ttl-archive-DeviceData
    """
    settings = load(config, deploy_settings.SECTIONS)
    deploy = deploy_settings.load(settings)
    reports = load_reports(settings)
    if deployed:
        _check_update(settings, deploy, deployed)
    document = asdict(settings) | {"deploy": asdict(deploy)}
    document |= {"reports": [asdict(each.settings) for each in reports]} if reports else {}
    del document["file"], document["sections"]
    click.echo(json.dumps(document, indent=2) if as_json else _toml(document))
    warnings = [
        *config_warnings(settings, parquet=deploy.parquet),
        *report_warnings([each.settings for each in reports], deploy),
    ]
    for warning in warnings:
        click.echo(f"Warning: {warning}.", err=True)


def _check_update(settings: Settings, deploy: Deploy, stack_name: str) -> None:
    """Ask the stack. Raises SettingsError with everything that its guard would refuse."""
    problems = update_problems(Clients(), settings, deploy, stack_name)
    if problems:
        raise SettingsError(settings.file, problems)
    click.echo(f"The stack {stack_name} accepts this configuration.", err=True)


def _toml(document: dict[str, Any]) -> str:
    lines: list[str] = []
    for name, section in document.items():
        entries, header = (
            (section, f"[[{name}]]") if isinstance(section, list | tuple) else ([section], f"[{name}]")
        )
        for entry in entries:
            given = {key: value for key, value in entry.items() if value is not None}
            lines += [header, *(f"{key} = {_toml_value(value)}" for key, value in given.items()), ""]
    return "\n".join(lines).rstrip()


def _toml_value(value: object) -> str:
    # A JSON string, boolean or list of strings is TOML as well, once DEL is escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
