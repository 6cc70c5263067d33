"""`make release`: what it builds, from what, and when it refuses."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.source_tree import copy_sources
from ttl_archive.infra import lambda_wheels

IDENTITY = ["-c", "user.name=tester", "-c", "user.email=tester@example.com"]
RELEASED = "# Changelog\n\n## [0.1.0] - 2026-11-24\n"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True)


def release(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, ".ci/release.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with these files, all committed, and a version that the changelog has."""
    folder = tmp_path_factory.mktemp("committed") / "repository"
    folder.mkdir()
    copy_sources(folder)
    (folder / "CHANGELOG.md").write_text(RELEASED)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "everything")
    return folder


@pytest.fixture
def repository(committed: Path, tmp_path: Path) -> Path:
    """A copy of the repository, with the times of its files, so that git reads none of them again."""
    return shutil.copytree(committed, tmp_path / "repository", symlinks=True)


def test_a_release_has_wheel_sdist_zips_bills_of_materials_and_checksums(
    repository: Path, arm64_wheels: list[Path], x86_64_wheels: list[Path]
) -> None:
    for wheels in (arm64_wheels, x86_64_wheels):
        shutil.copytree(wheels[0].parent, repository / lambda_wheels.CACHE / wheels[0].parent.name)
    (repository / "dist").mkdir()
    (repository / "dist" / "ttl_archive-0.0.9.tar.gz").touch()

    done = release(repository)

    assert done.returncode == 0, done.stdout + done.stderr
    sums = dict(line.split()[::-1] for line in (repository / "dist/SHA256SUMS").read_text().splitlines())
    functions = [
        f"{part}-{arch}" for part in ("attachment", "replay", "transform") for arch in lambda_wheels.MACHINES
    ]
    assert set(sums) == {
        "ttl_archive-0.1.0-py3-none-any.whl",
        "ttl_archive-0.1.0.tar.gz",
        *(f"{name}.{suffix}" for name in functions for suffix in ("zip", "cdx.json")),
    }
    assert {file.name for file in (repository / "dist").iterdir()} == {"SHA256SUMS", *sums}
    for name, expected in sums.items():
        assert hashlib.sha256((repository / "dist" / name).read_bytes()).hexdigest() == expected
    with zipfile.ZipFile(repository / "dist/transform-arm64.zip") as archive:
        assert "archive.toml" not in archive.namelist()
        assert "ttl_archive/transform/handler.py" in archive.namelist()


@pytest.mark.parametrize("name", ["transform/handler.py", "infra/forgotten.py"])
def test_a_changed_or_forgotten_file_is_refused_with_its_name(repository: Path, name: str) -> None:
    with (repository / name).open("a") as file:
        file.write("# changed\n")

    done = release(repository)

    assert done.returncode == 1
    assert done.stderr.startswith("No release: these files are not committed:")
    assert name in done.stderr
    assert not (repository / "dist").exists()


@pytest.mark.parametrize(
    "changelog",
    [
        "# Changelog\n\n## [Unreleased]\n",
        "## [0.1.0]\n",
        "## [0.1.00] - 2026-11-24\n",
        "## [0x1.0] - 2026-11-24\n",
    ],
)
def test_a_version_without_a_dated_heading_in_the_changelog_is_refused(
    repository: Path, changelog: str
) -> None:
    (repository / "CHANGELOG.md").write_text(changelog)
    git(repository, "commit", "--quiet", "--all", "--message", "another changelog")

    done = release(repository)

    assert done.returncode == 1
    assert 'CHANGELOG.md has no heading "## [0.1.0] - YYYY-MM-DD"' in done.stderr
    assert not (repository / "dist").exists()


def test_a_version_that_is_not_installed_is_refused(repository: Path) -> None:
    """The bills of materials would carry the version of the installation."""
    for name in ("pyproject.toml", "CHANGELOG.md"):
        file = repository / name
        file.write_text(file.read_text().replace("0.1.0", "0.2.0"))
    git(repository, "commit", "--quiet", "--all", "--message", "another version")

    done = release(repository)

    assert done.returncode == 1
    assert "version 0.1.0 is installed here, and pyproject.toml has 0.2.0. Run: make setup" in done.stderr


def test_a_build_that_fails_fails_the_release_with_its_output(repository: Path) -> None:
    (repository / "pyproject.toml").write_text(
        '[project]\nname = "ttl-archive"\nversion = "0.1.0"\nlicense = 1\n'
    )
    git(repository, "commit", "--quiet", "--all", "--message", "a broken build")

    done = release(repository)

    assert done.returncode == 1
    assert "build --no-isolation" in done.stderr
    assert "project.license" in done.stderr
    assert not (repository / "dist" / "SHA256SUMS").exists()
