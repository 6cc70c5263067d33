"""The wheels in the functions' zips: pinned with their hashes, fetched once, verified each time.

`infra/lock/lambda-ARCHITECTURE.txt` is a requirements file of pip with one hash for each wheel, so pip
verifies what it downloads. The wheels are kept, and verified again before they go into a zip.
"""

import hashlib
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from ttl_archive.transform.errors import ArchiveError

CACHE = Path("build/wheels")
LAMBDA_PYTHON = "3.13"
# Architecture of the function -> machine in the names of wheels.
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34. Source: LDG, lambda-runtimes.
_MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
_LINE = re.compile(r"^(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})$", re.MULTILINE)


class PackageError(ArchiveError):
    """A zip cannot be built."""


class LockedWheel(NamedTuple):
    """One wheel of a lock file."""

    name: str
    version: str
    sha256: str


def fetch(architecture: str, cache: Path = CACHE) -> list[Path]:
    """Return the wheels of the lock file, from the cache or else from pip.

    Raises PackageError when pip cannot download one, or when one in the cache has another hash.
    """
    folder = cache / f"{architecture}-{LAMBDA_PYTHON}"
    locked = read_lock(architecture)
    if not all(_candidates(folder, wheel) for wheel in locked):
        pip_download(["--require-hashes", f"--requirement={lock_file(architecture)}"], architecture, folder)
    return [_verified(folder, wheel) for wheel in locked]


def lock_file(architecture: str) -> Path:
    """Return the path of the lock file for one architecture."""
    return Path(str(files("ttl_archive.infra"))) / "lock" / f"lambda-{architecture}.txt"


def read_lock(architecture: str) -> list[LockedWheel]:
    """Return the wheels that the lock file names for one architecture."""
    return [LockedWheel(*found) for found in _LINE.findall(lock_file(architecture).read_text())]


def pip_download(arguments: Sequence[str], architecture: str, folder: Path) -> None:
    """Download wheels for Lambda's Python into a folder. Raises PackageError with pip's reason."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    platform = [f"--platform={tag}_{MACHINES[architecture]}" for tag in _MANYLINUX]
    target = ["--only-binary=:all:", f"--python-version={LAMBDA_PYTHON}", "--implementation=cp", *platform]
    done = subprocess.run(  # noqa: S603  our own command line
        [*command, *target, f"--dest={folder}", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackageError(
            f"pip cannot download the functions' wheels for {architecture}: {_reason(done.stderr)}. They are "
            f"downloaded once and kept in {folder}: run this with network access, or put the wheels there"
        )


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _verified(folder: Path, wheel: LockedWheel) -> Path:
    candidates = _candidates(folder, wheel)
    for file in candidates:
        if sha256(file) == wheel.sha256:
            return file
    raise PackageError(
        f"{', '.join(map(str, candidates))}: the SHA-256 is not {wheel.sha256}, which the lock file has for "
        f"{wheel.name} {wheel.version}. Delete the file and run this again with network access"
    )


def _candidates(folder: Path, wheel: LockedWheel) -> list[Path]:
    return sorted(folder.glob(f"{wheel.name}-{wheel.version}-*.whl"))


def _reason(stderr: str) -> str:
    """Return pip's first line that reports an error, else the last line."""
    lines = stderr.strip().splitlines() or ["pip reports no reason"]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return (errors or lines[-1:])[0].removeprefix("ERROR: ").rstrip(".")
