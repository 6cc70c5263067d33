"""Write infra/lock/: the hashes of the functions' wheels, in the versions that are installed here.

Run it as `make lock` after the versions in pyproject.toml changed, and review the difference.
"""

import tempfile
from importlib.metadata import version
from pathlib import Path

from ttl_archive.infra import lambda_wheels

PACKAGES = ("msgspec", "pybase64")
HEADING = "# The wheels in the zips of the functions on {}, for Lambda's Python. Written by `make lock`.\n"


def main() -> None:
    """Download each wheel for each architecture, and write what was downloaded."""
    for architecture in lambda_wheels.MACHINES:
        lines = [locked_line(name, architecture) for name in PACKAGES]
        lambda_wheels.lock_file(architecture).write_text(HEADING.format(architecture) + "".join(lines))


def locked_line(name: str, architecture: str) -> str:
    """Return the line of the lock file for one package."""
    requirement = f"{name}=={version(name)}"
    with tempfile.TemporaryDirectory() as folder:
        lambda_wheels.pip_download([requirement], architecture, Path(folder))
        (wheel,) = Path(folder).glob("*.whl")
        return f"{requirement} --hash=sha256:{lambda_wheels.sha256(wheel)}\n"


if __name__ == "__main__":
    main()
