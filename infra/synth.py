"""`ttl-archive synth`: the template and the zip files, for a deployment with the CDK CLI or without CDK.

build/cdk.out/         for the CDK CLI: cdk deploy --app build/cdk.out
build/template.json    the same stack for CloudFormation alone, with the parameter AssetBucket
build/assets/*.zip     the files that have to be in that bucket
"""

import json
import shutil
from pathlib import Path
from typing import Any

import click

from ttl_archive.infra import deploy_settings, node, package
from ttl_archive.infra.scheduled_reports.report_settings import load_reports
from ttl_archive.transform.settings import CONFIG_VARIABLE, load

ASSET_BUCKET = "AssetBucket"
# What CDK adds for an environment that its bootstrap command prepared.
_CDK_ONLY = {"Parameters": "BootstrapVersion", "Rules": "CheckBootstrapVersion"}


def synth(settings_file: Path | None, output: Path) -> Path:
    """Write everything under `output`, and return the path of the template.

    Replaces the folders cdk.out and assets in it. Raises SettingsError for a mistake in the settings file,
    and PackageError when a zip cannot be built.
    """
    settings = load(settings_file, deploy_settings.SECTIONS)
    deploy = deploy_settings.load(settings)
    load_reports(settings)  # a mistake is reported before the zips are built
    zips = output / "zips"
    assets = package.package_all(Path(settings.file), deploy.architecture, zips, cache=output / "wheels")
    node.use_wheel()
    from ttl_archive.infra.app import archive_app  # starts Node

    cdk_out = output / "cdk.out"
    shutil.rmtree(cdk_out, ignore_errors=True)
    archive_app([(settings, deploy)], assets, cdk_out).synth()
    template = json.loads((cdk_out / f"{deploy.stack_name}.template.json").read_text())
    return write_plain(template, cdk_out, output)


def write_plain(template: dict[str, Any], cdk_out: Path, output: Path) -> Path:
    """Write the template for use without CDK, with its zip files, and return the template's path."""
    plain_template, keys = plain(template)
    folder = output / "assets"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for key in keys:
        shutil.copyfile(cdk_out / f"asset.{key}", folder / key)
    file = output / "template.json"
    file.write_text(json.dumps(plain_template, indent=1) + "\n")
    return file


def plain(template: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the template without what only CDK needs, and the keys of its zip files in AssetBucket."""
    found: dict[str, Any] = json.loads(json.dumps(template))
    for section, name in _CDK_ONLY.items():
        found.get(section, {}).pop(name, None)
        if not found.get(section):
            found.pop(section, None)
    keys = set()
    for resource in found["Resources"].values():
        resource.pop("Metadata", None)
        _drop_redundant_dependencies(resource)
        code = resource["Properties"].get("Code") if "Properties" in resource else None
        if isinstance(code, dict) and "S3Key" in code:
            keys.add(code["S3Key"])
            code["S3Bucket"] = {"Ref": ASSET_BUCKET}
    found.setdefault("Parameters", {})[ASSET_BUCKET] = {
        "Type": "String",
        "Description": "The bucket, in the stack's Region, that has the zip files of build/assets",
        "AllowedPattern": "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    }
    return found, sorted(keys)


def _drop_redundant_dependencies(resource: dict[str, Any]) -> None:
    """Remove dependencies that a reference implies: CDK lists them, and cfn-lint warns of them (W3005)."""
    properties = json.dumps(resource.get("Properties", {}))
    depends = resource.get("DependsOn", [])
    names = [depends] if isinstance(depends, str) else depends
    implied = ('{{"Ref": "{0}"}}', '{{"Fn::GetAtt": ["{0}"')
    needed = [name for name in names if not any(text.format(name) in properties for text in implied)]
    resource.pop("DependsOn", None)
    if needed:
        resource["DependsOn"] = needed


@click.command("synth")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help=f"The settings file. Default: the file that {CONFIG_VARIABLE} names, else archive.toml.",
)
@click.option("--output", type=click.Path(path_type=Path), default="build", show_default=True)
def command(config: Path | None, output: Path) -> None:
    """Write the CloudFormation template and its assets. Needs no credentials, and a network only once.

    The functions' wheels are downloaded and kept in the folder OUTPUT/wheels.

    \b
    To write it for archive.toml:   ttl-archive synth
    To deploy it with CDK:          npx aws-cdk@2 deploy --app build/cdk.out
    To deploy it without CDK:       ttl-archive docs deploy
    """
    file = synth(config, output)
    click.echo(f"{file}\n{output / 'assets'}\n{output / 'cdk.out'}")
    click.echo(f"Deploy it: npx aws-cdk@2 deploy --app {output / 'cdk.out'}", err=True)
