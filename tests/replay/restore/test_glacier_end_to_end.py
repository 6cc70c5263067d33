"""A restore that waits for GLACIER, over HTTP, with the calls counted."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from click.testing import CliRunner

from tests.replay.restore.archives import archived
from tests.replay.samples import SETTINGS, change
from ttl_archive.replay.commands.restore import restore

emulator_module = pytest.importorskip("ttl_archive.infra.local.moto_server.emulator")
clock_module = pytest.importorskip("ttl_archive.infra.local.firehose.clock")
proxy_module = pytest.importorskip("ttl_archive.infra.local.s3.proxy")

BUCKET = "my-archive"
OBJECTS = 12


@pytest.fixture
def glacier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """A clock, and a client of a bucket whose objects are in GLACIER by that clock."""
    clock = clock_module.Clock(datetime(2026, 3, 1, 10, tzinfo=UTC))
    with emulator_module.Emulator() as emulator, proxy_module.S3Proxy(emulator.port, clock) as proxy:
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        monkeypatch.chdir(tmp_path)
        Path("archive.toml").write_text('[table]\nname = "DeviceData"\nttl_attribute = "expiredAt"\n')
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for number in range(OBJECTS):
            key = f"archive/DeviceData/dt=2025-11-20/{number}.jsonl.gz"
            s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(archived(SETTINGS, change(number))))
            source = {"Bucket": BUCKET, "Key": key}
            s3.copy_object(Bucket=BUCKET, Key=key, CopySource=source, StorageClass="GLACIER")
        yield clock, emulator.client("s3", endpoint_url=proxy.url)


def test_a_restore_waits_with_one_listing_a_poll_and_one_head_an_object(
    glacier: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, _ = glacier
    calls: Counter[str] = Counter()
    real = BaseClient._make_api_call

    def counted(client: Any, operation: str, request: Any) -> Any:
        calls[operation] += client.meta.service_model.service_name == "s3"
        if operation == "ListObjectsV2":
            clock.advance(minutes=30)
        return real(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    options = ["--bucket", BUCKET, "--out", "rows.jsonl", "--yes", "--poll", "0.01", "--json"]

    result = CliRunner().invoke(restore, options)

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == OBJECTS
    # Standard takes five hours: ten polls of half an hour, and the listing before the first.
    assert 10 <= calls["ListObjectsV2"] <= 13
    assert calls["HeadObject"] == calls["RestoreObject"] == calls["GetObject"] == OBJECTS


def test_a_retrieved_archive_takes_one_listing_and_no_head(
    glacier: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, s3 = glacier
    for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.restore_object(Bucket=BUCKET, Key=entry["Key"], RestoreRequest={"Days": 1})
    clock.advance(hours=5)
    calls: Counter[str] = Counter()
    real = BaseClient._make_api_call

    def counted(client: Any, operation: str, request: Any) -> Any:
        calls[operation] += client.meta.service_model.service_name == "s3"
        return real(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)

    result = CliRunner().invoke(restore, ["--bucket", BUCKET, "--out", "rows.jsonl"])

    assert result.exit_code == 0, result.output
    assert +calls == {"ListObjectsV2": 1, "GetObject": OBJECTS}
