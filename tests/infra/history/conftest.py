"""The emulator and the delivered files of the tests of queries, and the command over them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.infra.history.lives import CONFIG
from tests.infra.query.conftest import Delivered, delivered, emulator, settings_of
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.transform.settings import Settings

__all__ = ["delivered", "emulator"]
History = Callable[..., Result]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Settings:
    return settings_of(CONFIG, tmp_path, monkeypatch, emulator)


@pytest.fixture
def history(settings: Settings, delivered: Delivered) -> History:
    """The command over a folder, or over the bucket."""

    def run(*arguments: str, on: str | None = None) -> Result:
        place = on or str(delivered.folder)
        bucket = [] if on is None else ["--bucket", delivered.bucket]
        return CliRunner().invoke(cli, ["history", *arguments, "--on", place, *bucket])

    return run
