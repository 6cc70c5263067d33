"""The zip files that the functions run from: the same input gives the same bytes.

Times and permissions are fixed, and entries are sorted and stored uncompressed, so that a zip has another
hash only when its content differs. The software bill of materials lies beside each zip.
"""

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import click

from ttl_archive.infra import lambda_wheels
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.sbom import write_sbom
from ttl_archive.transform.errors import ArchiveError

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can express
_MODE = 0o644 << 16

Entries = dict[str, bytes]


def package_all(
    settings_file: Path | None, architecture: str, folder: Path, cache: Path = lambda_wheels.CACHE
) -> Assets:
    """Write every function's zip, with its bill of materials, into the folder. Raises PackageError."""
    wheels = lambda_wheels.fetch(architecture, cache)
    folder.mkdir(parents=True, exist_ok=True)
    zips = {part: folder / f"{part}-{architecture}.zip" for part in PARTS}
    for part, file in zips.items():
        package(part, settings_file, wheels, file)
    return Assets(**zips)


def package(part: str, settings_file: Path | None, wheels: Sequence[Path], file: Path) -> None:
    """Write one function's zip, and its bill of materials beside it."""
    write_zip(file, entries(part, settings_file, wheels))
    write_sbom(file, wheels if PARTS[part][1] else ())


def entries(part: str, settings_file: Path | None, wheels: Iterable[Path]) -> Entries:
    """Return the content of one function's zip by name; without a settings file, archive.toml is left out."""
    packages, needs_more = PARTS[part]
    found: Entries = {}
    for name in packages:
        found |= dict(_modules(name))
    if needs_more:
        found |= {"archive.toml": settings_file.read_bytes()} if settings_file else {}
        for wheel in wheels:
            found |= _unpacked(wheel)
    return found


def write_zip(file: Path, found: Mapping[str, bytes]) -> None:
    """Write entries so that the same entries always make the same file."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(found):
            info = zipfile.ZipInfo(name, _TIME)
            info.external_attr = _MODE
            info.create_system = 3  # Unix, whose permissions these are
            archive.writestr(info, found[name])


def _modules(package_name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the modules of a package by their names in the zip, without those of packages inside it."""
    folder = Path(str(import_module(package_name).__file__)).parent
    for file in sorted(folder.glob("*.py")):
        yield f"{package_name.replace('.', '/')}/{file.name}", file.read_bytes()


def _unpacked(wheel: Path) -> Entries:
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}


_TRANSFORM = ("ttl_archive", "ttl_archive.transform")
_REPLAY = (
    "ttl_archive.replay",
    "ttl_archive.replay.backfill",
    "ttl_archive.replay.error_objects",
    "ttl_archive.replay.items",
    "ttl_archive.replay.restore",
    "ttl_archive.replay.sinks",
)
# Part -> the packages whose modules go into its zip, and whether wheels and archive.toml do too.
PARTS: dict[str, tuple[tuple[str, ...], bool]] = {
    "transform": (_TRANSFORM, True),
    "replay": ((*_TRANSFORM, *_REPLAY), True),
    "attachment": (
        (
            "ttl_archive",
            "ttl_archive.infra.attachment",
            "ttl_archive.infra.athena_views",
            "ttl_archive.infra.export.windows",
            "ttl_archive.infra.scheduled_reports.results",
        ),
        False,
    ),
}


@click.command()
@click.option("--arch", type=click.Choice(list(lambda_wheels.MACHINES)), default="arm64", show_default=True)
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True),
    help="The archive.toml to put into the zips. Without it, you add your own before you deploy them.",
)
@click.option("--output", type=click.Path(path_type=Path), default="build", show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=lambda_wheels.CACHE,
    show_default=True,
    help="Where downloaded wheels are kept.",
)
def main(arch: str, config: Path | None, output: Path, cache: Path) -> None:
    """Write the zips of all functions, each with its bill of materials, into the folder OUTPUT.

    \b
    To build those of this folder's archive.toml:
      python -m ttl_archive.infra.package --config archive.toml
    """
    try:
        assets = package_all(config, arch, output, cache)
    except ArchiveError as error:
        raise click.ClickException(str(error)) from None
    for file in assets:
        click.echo(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
