"""The zip files that the functions run from: the same input gives the same bytes.

Times and permissions are fixed, entries sorted and stored, so that a zip has another hash only when something
in it is another. Wheels come from pip, for Lambda's Python and architecture, in the versions that are
installed here: what was tested is what is deployed. They are kept, so a second run needs no network.
"""

import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click

from ttl_archive.infra.assets import Assets
from ttl_archive.transform.errors import ArchiveError

CACHE = Path("build/wheels")
REQUIREMENTS = ("msgspec", "pybase64")
_LAMBDA_PYTHON = "3.13"
# Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34.
_MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_TIME = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip can tell
_MODE = 0o644 << 16

Entries = dict[str, bytes]


class PackageError(ArchiveError):
    """A zip cannot be made."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the wheels are for; without platforms, the Python that runs this."""

    name: str
    python: str = ""
    platforms: tuple[str, ...] = ()


HERE = Target(f"here-{sys.version_info.major}{sys.version_info.minor}")


def lambda_target(architecture: str) -> Target:
    """Lambda's Python on `arm64` or `x86_64`."""
    platforms = tuple(f"{tag}_{_MACHINES[architecture]}" for tag in _MANYLINUX)
    return Target(f"{architecture}-{_LAMBDA_PYTHON}", _LAMBDA_PYTHON, platforms)


def package_all(settings_file: Path, architecture: str, folder: Path, cache: Path = CACHE) -> Assets:
    """Every function's zip, written into the folder."""
    wheels = fetch(lambda_target(architecture), cache)
    folder.mkdir(parents=True, exist_ok=True)
    files = {part: folder / f"{part}-{architecture}.zip" for part in PARTS}
    for part, file in files.items():
        write_zip(file, entries(part, settings_file, wheels))
    return Assets(**{part.replace("-", "_"): file for part, file in files.items()})


def entries(part: str, settings_file: Path, wheels: Iterable[Path]) -> Entries:
    """What goes into one function's zip, by name."""
    packages, needs_more = PARTS[part]
    found: Entries = {}
    for package in packages:
        found |= dict(_modules(package))
    if needs_more:
        found["archive.toml"] = settings_file.read_bytes()
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


def fetch(target: Target, cache: Path = CACHE) -> list[Path]:
    """The wheels, from the cache or else from pip. Raises PackageError."""
    folder = cache / target.name
    return [_cached(folder, name) or _download(target, folder, name) for name in REQUIREMENTS]


def _modules(package: str) -> Iterator[tuple[str, bytes]]:
    """The modules of a package, by their names in the zip, without those of packages inside it."""
    folder = Path(str(import_module(package).__file__)).parent
    for file in sorted(folder.glob("*.py")):
        yield f"{package.replace('.', '/')}/{file.name}", file.read_bytes()


def _unpacked(wheel: Path) -> Entries:
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}


def _cached(folder: Path, name: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"{name}-{version(name)}-*.whl"))), None)


def _download(target: Target, folder: Path, name: str) -> Path:
    requirement = f"{name}=={version(name)}"
    options = [f"--platform={platform}" for platform in target.platforms]
    if target.platforms:
        options += [f"--python-version={target.python}", "--implementation=cp"]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    done = subprocess.run(  # noqa: S603  our own command line
        [*command, "--only-binary=:all:", f"--dest={folder}", *options, requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    wheel = _cached(folder, name)
    if done.returncode or wheel is None:
        why = done.stderr.strip().splitlines()[-1:] or ["pip gives no reason"]
        raise PackageError(
            f"No wheel of {requirement} for {target.name}: {why[0]}. It is fetched once, then kept in "
            f"{folder}: run this with network, or put the wheel there"
        )
    return wheel


_TRANSFORM = ("ttl_archive", "ttl_archive.transform")
_REPLAY = ("ttl_archive.replay", "ttl_archive.replay.error_objects", "ttl_archive.replay.sinks")
# Part -> the packages whose modules go into its zip, and whether wheels and archive.toml do too.
PARTS: dict[str, tuple[tuple[str, ...], bool]] = {
    "transform": (_TRANSFORM, True),
    "replay": ((*_TRANSFORM, *_REPLAY), True),
    "attachment": (("ttl_archive", "ttl_archive.infra.attachment"), False),
}


@click.command()
@click.option("--part", type=click.Choice(list(PARTS)), default="transform", show_default=True)
@click.option("--arch", type=click.Choice(list(_MACHINES)), default="arm64", show_default=True)
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True), default="archive.toml", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="The zip file to write.")
def main(part: str, arch: str, config: Path, output: Path) -> None:
    """Write the zip of one function.

    \b
    To make the transform's:
      python -m ttl_archive.infra.package --arch arm64 --output build/transform-arm64.zip
    """
    try:
        write_zip(output, entries(part, config, fetch(lambda_target(arch)) if PARTS[part][1] else ()))
    except ArchiveError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{output}: {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
