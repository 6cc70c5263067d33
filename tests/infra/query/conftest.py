"""A bucket in the emulator, and a folder, with the same delivered files."""

import gzip
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.transform.builders import change, encoded
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, load

_buckets = itertools.count()


@dataclass
class Delivered:
    """Files that were delivered into a bucket, and their copies in a folder."""

    s3: Any
    bucket: str
    folder: Path
    keys: list[str] = field(default_factory=list)

    def deliver(self, settings: Settings, *records: dict[str, Any], day: str = "2026-11-21") -> str:
        """Write an object with the rows of change records."""
        convert = converter(settings)
        rows = [convert(encoded(record)) for record in records]
        assert all(isinstance(row, Row) for row in rows)
        column, file_format = settings.output.date_column, settings.output.format
        key = f"archive/devices/{column}={day}/{len(self.keys)}.{file_format}.gz"
        self.put(key, gzip.compress(b"".join(row.line for row in rows if isinstance(row, Row))))
        self.keys.append(key)
        return key

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def freeze(self, key: str, storage_class: str = "GLACIER") -> None:
        source = {"Bucket": self.bucket, "Key": key}
        self.s3.copy_object(Bucket=self.bucket, Key=key, CopySource=source, StorageClass=storage_class)
        (self.folder / key).unlink()


def item(number: int, **attributes: Any) -> dict[str, Any]:
    """A removal by TTL of one item."""
    image = {"id": {"S": f"d{number}"}, "temperature": {"N": f"{number}.5"}} | attributes
    return change(image, eventID=str(number))


def settings_of(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Settings:
    """The settings of a text, which commands find too, with the emulator as their AWS."""
    config = tmp_path / "archive.toml"
    config.write_text(text)
    monkeypatch.setenv("TTL_ARCHIVE_CONFIG", str(config))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    return load(config)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def delivered(emulator: Emulator, tmp_path: Path) -> Delivered:
    s3 = emulator.client("s3")
    bucket = f"query-{next(_buckets)}"
    s3.create_bucket(Bucket=bucket)
    return Delivered(s3, bucket, tmp_path / "copy")
