"""`ttl-archive synth`: the template and the zip files, for the CDK CLI and for deploying without CDK.

build/cdk.out/         for the CDK CLI: cdk deploy --app build/cdk.out
build/template.json    the same stack for CloudFormation alone, with the parameter AssetBucket
build/assets/*.zip     what has to be in that bucket
"""

import json
import shutil
from pathlib import Path
from typing import Any

import click

from ttl_archive.infra import deploy_settings, node, package
from ttl_archive.transform.settings import CONFIG_VARIABLE, load

ASSET_BUCKET = "AssetBucket"
# What CDK adds for its own bootstrapped environment.
_CDK_ONLY = {"Parameters": "BootstrapVersion", "Rules": "CheckBootstrapVersion"}


def synth(settings_file: Path | None, output: Path) -> Path:
    """Write everything beneath `output`; the path of the template. Raises ArchiveError.

    The folders cdk.out and assets in it are written anew.
    """
    settings = load(settings_file)
    deploy = deploy_settings.load(settings)
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
    """Write the template for use without CDK, and its zip files."""
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
    """The template without what only CDK needs, and the keys of the zip files it wants in AssetBucket."""
    found: dict[str, Any] = json.loads(json.dumps(template))
    for section, name in _CDK_ONLY.items():
        found.get(section, {}).pop(name, None)
        if not found.get(section):
            found.pop(section, None)
    keys = set()
    for resource in found["Resources"].values():
        resource.pop("Metadata", None)
        _without_needless_dependencies(resource)
        code = resource["Properties"].get("Code") if "Properties" in resource else None
        if isinstance(code, dict) and "S3Key" in code:
            keys.add(code["S3Key"])
            code["S3Bucket"] = {"Ref": ASSET_BUCKET}
    found.setdefault("Parameters", {})[ASSET_BUCKET] = {
        "Type": "String",
        "Description": "The bucket, in the stack's Region, that the zip files of build/assets were copied to",
        "AllowedPattern": "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    }
    return found, sorted(keys)


def _without_needless_dependencies(resource: dict[str, Any]) -> None:
    """CDK lists a role that the resource refers to anyway; cfn-lint warns of it (W3005)."""
    properties = json.dumps(resource.get("Properties", {}))
    depends = resource.get("DependsOn", [])
    names = [depends] if isinstance(depends, str) else depends
    needed = [name for name in names if f'"Fn::GetAtt": ["{name}"' not in properties]
    resource.pop("DependsOn", None)
    if needed:
        resource["DependsOn"] = needed


@click.command("synth")
@click.option(
    "--config", type=click.Path(path_type=Path), help=f"archive.toml; else {CONFIG_VARIABLE} names it."
)
@click.option("--output", type=click.Path(path_type=Path), default="build", show_default=True)
def command(config: Path | None, output: Path) -> None:
    """Write the CloudFormation template and its assets. No network or credentials, once the wheels are there.

    \b
    To write it for archive.toml:   ttl-archive synth
    To deploy it with CDK:          npx aws-cdk@2 deploy --app build/cdk.out
    Without CDK, and all the rest:  infra/README.md
    """
    file = synth(config, output)
    click.echo(f"{file}\n{output / 'assets'}\n{output / 'cdk.out'}")
    click.echo(f"Deploy it: npx aws-cdk@2 deploy --app {output / 'cdk.out'}", err=True)
