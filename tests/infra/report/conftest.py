"""An archive of a month whose every number is known, in a bucket and in a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.report.known_archive import CONFIG, KnownArchive, known_archive
from ttl_archive.infra.local.moto_server.emulator import Emulator


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def archive(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> KnownArchive:
    folder = tmp_path_factory.mktemp("report")
    config = folder / "archive.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return known_archive(emulator, config, folder / "copy")


@pytest.fixture
def environment(archive: KnownArchive, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a user at the emulator; returns archive.toml."""
    monkeypatch.setenv("TTL_ARCHIVE_CONFIG", str(archive.config))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    return archive.config
