"""`ttl-archive check-config`: the configuration with every default, or all its mistakes."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.deployed_stack import update_problems
from ttl_archive.infra.export.export_settings import ExportSettings, load_export
from ttl_archive.infra.scheduled_reports.report_settings import load_reports
from ttl_archive.infra.scheduled_reports.report_warnings import report_warnings
from ttl_archive.infra.sql.config_warnings import config_warnings
from ttl_archive.replay.aws import Clients
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.ingest_settings import Ingest, load_ingest
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
    document = asdict(settings) | {"deploy": asdict(deploy)} | _other_sections(settings)
    if reports:
        document["reports"] = [asdict(each.settings) for each in reports]
    del document["file"], document["sections"]
    click.echo(json.dumps(document, indent=2) if as_json else _toml(document))
    warnings = [
        *config_warnings(settings, parquet=deploy.parquet),
        *report_warnings([each.settings for each in reports], deploy),
    ]
    for warning in warnings:
        click.echo(f"Warning: {warning}.", err=True)


def _other_sections(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the sections that only some archives have. Raises SettingsError with every mistake of one."""
    load_export(settings)
    load_ingest(settings)
    return {
        name: _filled(section, settings.sections[name])
        for name, section in (("export", ExportSettings), ("ingest", Ingest))
        if name in settings.sections
    }


def _filled(section: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section as it is in the file, with the defaults of the other keys."""
    defaults = {field.name: field.default for field in fields(section) if field.default is not MISSING}
    return {name: value for name, value in {**defaults, **given}.items() if value != ()}


def _check_update(settings: Settings, deploy: Deploy, stack_name: str) -> None:
    """Ask the stack. Raises SettingsError with everything that its guard would refuse."""
    problems = update_problems(Clients(), settings, deploy, stack_name)
    if problems:
        raise SettingsError(settings.file, problems)
    click.echo(f"The stack {stack_name} accepts this configuration.", err=True)


def _toml(document: dict[str, Any]) -> str:
    lines: list[str] = []
    for name, section in document.items():
        is_list = isinstance(section, list | tuple)
        entries, header = (section, f"[[{name}]]") if is_list else ([section], f"[{name}]")
        for entry in entries:
            given = {key: value for key, value in entry.items() if value is not None}
            lines += [header, *(f"{key} = {_toml_value(value)}" for key, value in given.items()), ""]
    return "\n".join(lines).rstrip()


def _toml_value(value: object) -> str:
    if isinstance(value, Mapping):
        members = ", ".join(f"{_toml_value(name)} = {_toml_value(each)}" for name, each in value.items())
        return f"{{ {members} }}"
    # A JSON string, boolean or list of strings is TOML as well, once DEL is escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
