"""The functions' wheels: pinned in a lock file, verified when they come from pip and when they were kept."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from ttl_archive.infra import lambda_wheels
from ttl_archive.infra.lambda_wheels import PackageError, fetch, lock_file, read_lock


@pytest.fixture
def cache(arm64_wheels: list[Path], tmp_path: Path) -> Path:
    """A cache of its own, with the wheels for arm64."""
    folder = arm64_wheels[0].parent
    shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path


def lock(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """Let every architecture have these lines as its lock file."""
    file = folder / "lock.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(lambda_wheels, "lock_file", lambda _: file)


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_lock_file_has_the_versions_that_the_tests_run_with(architecture: str) -> None:
    locked = {wheel.name: wheel.version for wheel in read_lock(architecture)}

    assert locked == {name: version(name) for name in ("msgspec", "pybase64")}


def test_the_architectures_have_wheels_of_their_own() -> None:
    hashes = [wheel.sha256 for name in ("arm64", "x86_64") for wheel in read_lock(name)]

    assert len(set(hashes)) == 4


def test_every_line_of_a_lock_file_is_read() -> None:
    lines = [line for line in lock_file("arm64").read_text().splitlines() if not line.startswith("#")]

    assert len(read_lock("arm64")) == len(lines)


def test_wheels_in_the_cache_need_no_pip(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_wheels, "pip_download", None)

    wheels = fetch("arm64", cache)

    assert [wheel.name.split("-")[0] for wheel in wheels] == ["msgspec", "pybase64"]
    assert all("aarch64" in wheel.name and "-cp313-" in wheel.name for wheel in wheels)


def test_a_changed_wheel_in_the_cache_is_refused_with_its_name(cache: Path) -> None:
    (wheel,) = cache.glob("arm64-3.13/pybase64-*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"\0")

    with pytest.raises(PackageError, match=rf"{wheel.name}: the SHA-256 is not .* Delete the file"):
        fetch("arm64", cache)


def test_a_wheel_with_another_hash_is_not_downloaded(
    tmp_path: Path, arm64_wheels: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(arm64_wheels[0].parent))
    lock(monkeypatch, tmp_path, f"msgspec=={version('msgspec')} --hash=sha256:{'0' * 64}")

    with pytest.raises(PackageError, match="HASHES"):
        fetch("arm64", tmp_path)

    assert list(tmp_path.rglob("*.whl")) == []


def test_a_wheel_that_does_not_exist_is_reported_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(monkeypatch, tmp_path, f"msgspec==0.0.1 --hash=sha256:{'0' * 64}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(PackageError, match=r"for arm64: .*msgspec==0\.0\.1.*run this with network access"):
        fetch("arm64", tmp_path)


def test_pip_downloads_and_verifies_the_wheels_of_the_lock_file(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache / "arm64-3.13"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    wheels = fetch("arm64", tmp_path / "other")

    assert [lambda_wheels.sha256(wheel) for wheel in wheels] == [wheel.sha256 for wheel in read_lock("arm64")]
