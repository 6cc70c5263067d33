"""Build what a release consists of into dist/: wheel, sdist, zips, bills of materials and their checksums.

Run it as `make release`. Nothing is published. Everything is built from an export of the last commit, so that
other files have no influence, and with the time of that commit.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
ARCHITECTURES = ("arm64", "x86_64")


def main() -> None:
    """Build everything, or exit with the reason for which the repository cannot be released."""
    if reason := refusal():
        sys.exit(f"No release: {reason}")
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
    files = sorted(DIST.iterdir())
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (DIST / "SHA256SUMS").write_text("".join(sums))
    print("".join(sums), end="")


def refusal() -> str | None:
    """Return why the repository cannot be released, or None."""
    if changed := git("status", "--porcelain"):
        return f"these files are not committed:\n{changed}Commit or remove them."
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE):
        return (
            f'CHANGELOG.md has no heading "## [{version}] - YYYY-MM-DD" for the version of pyproject.toml. '
            "Put the changes of this release under that heading and commit it."
        )
    if (installed := metadata.version("ttl-archive")) != version:
        return f"version {installed} is installed here, and pyproject.toml has {version}. Run: make setup"
    return None


def build(folder: Path) -> None:
    """Export the last commit into an empty folder, and build from there into dist/."""
    archive = folder / "commit.tar"
    git("archive", "--output", str(archive), "HEAD")
    source = folder / "source"
    shutil.unpack_archive(archive, source, filter="tar")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct").strip()}
    run = [sys.executable, "-m"]
    commands = [[*run, "build", "--no-isolation", "--outdir", str(DIST)]]
    for architecture in ARCHITECTURES:
        output = ["--output", str(DIST), "--cache", str(ROOT / "build/wheels")]
        commands.append([*run, "ttl_archive.infra.package", "--arch", architecture, *output])
    for command in commands:
        done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"No release: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def git(*arguments: str) -> str:
    """Return what a git command printed."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
