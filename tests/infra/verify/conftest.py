"""A local archive of three days that close, and the command on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.infra.verify.verified_archive import CONFIG, DAYS, START, expire
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local import Clock, Pipeline


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Three days with 2, 3 and 4 deletions, in a bucket that keeps old versions; one record has failed."""
    file = tmp_path_factory.mktemp("verify") / "archive.toml"
    file.write_text(CONFIG)
    with Pipeline(file, clock=Clock(START)) as pipeline:
        pipeline.s3.put_bucket_versioning(
            Bucket=pipeline.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        for day, count in enumerate((2, 3, 4)):
            expire(pipeline, *(f"{day}-{number}" for number in range(count)))
            pipeline.clock.advance(days=1)
        expire(pipeline, "refused", dt={"S": "an attribute that has the name of the date column"})
        yield pipeline


@pytest.fixture
def verify(archive: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command in the environment that `demo --serve` prints."""
    for name, value in archive.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["verify", "--bucket", archive.bucket, *DAYS, *arguments])
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def objects(archive: Pipeline) -> Iterator[dict[str, bytes]]:
    """The delivered objects by key. Afterwards the bucket has them, and nothing else, in one version each."""
    before = archive.objects("archive/")
    yield dict(before)
    versions = archive.s3.list_object_versions(Bucket=archive.bucket, Prefix="archive/")
    for entry in versions.get("Versions", []) + versions.get("DeleteMarkers", []):
        archive.s3.delete_object(Bucket=archive.bucket, Key=entry["Key"], VersionId=entry["VersionId"])
    for key, body in before.items():
        archive.s3.put_object(Bucket=archive.bucket, Key=key, Body=body)
