from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.transform.builders import change, encoded
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.query.engine import create_relations, open_engine
from ttl_archive.infra.query.stored_files import StoredFiles, bucket_files, with_retrieval_states
from ttl_archive.infra.sql.history_relation import HISTORY
from ttl_archive.infra.sql.relations import RELATIONS
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

COLUMNS = [
    {"name": "id", "path": "id"},
    {"name": "amount", "path": "amount", "type": "decimal(20,4)"},
]
_buckets = itertools.count()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def s3(emulator: Emulator) -> Any:
    return emulator.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{next(_buckets)}"
    s3.create_bucket(Bucket=name)
    return name


def settings(**output: Any) -> Settings:
    table = {"name": "devices", "ttl_attribute": "ttl", "keys": ["id"]}
    return parse({"table": table, "output": output, "columns": COLUMNS})


class Archive:
    """Delivered files in S3 and the relations over them."""

    def __init__(self, connection: Any, s3: Any, bucket: str, settings: Settings) -> None:
        self.connection, self.s3, self.bucket, self.settings = connection, s3, bucket, settings
        self.files = 0

    def deliver(self, *images: dict[str, Any], day: str = "2026-03-01") -> str:
        convert = converter(self.settings)
        rows = [convert(encoded(change(image))) for image in images]
        self.files += 1
        key = f"archive/devices/dt={day}/{self.files}.{self.settings.output.format}.gz"
        self.put(key, gzip.compress(b"".join(row.line for row in rows if isinstance(row, Row))))
        return key

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def freeze(self, key: str) -> None:
        source = {"Bucket": self.bucket, "Key": key}
        self.s3.copy_object(Bucket=self.bucket, Key=key, CopySource=source, StorageClass="GLACIER")

    def stored(self) -> StoredFiles:
        return with_retrieval_states(self.s3, bucket_files(self.s3, self.bucket, self.settings))

    def ask(self, query: str) -> list[tuple]:
        create_relations(self.connection, *self.stored().readable(), self.settings)
        return self.connection.execute(query).fetchall()


@pytest.fixture
def archive(emulator: Emulator, s3: Any, bucket: str) -> Iterator[Archive]:
    with open_engine(local_access(emulator.url)) as connection:
        yield Archive(connection, s3, bucket, settings())


A, B = {"id": {"S": "a"}, "amount": {"N": "12.5"}}, {"id": {"S": "b"}}


def test_a_proxy_for_the_internet_is_not_asked_for_local_files(
    emulator: Emulator, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with open_engine(local_access(emulator.url)) as connection:
        archive = Archive(connection, s3, bucket, settings())
        archive.deliver(A)

        assert archive.ask("SELECT count(*) FROM archive") == [(1,)]


@pytest.mark.parametrize(
    "output", [{}, {"image": False}, {"format": "csv"}, {"format": "csv", "image": True}]
)
def test_an_empty_archive_has_every_relation_and_no_rows(archive: Archive, output: dict[str, Any]) -> None:
    archive.settings = settings(**output)

    for relation in set(RELATIONS) - {HISTORY}:  # it needs every change
        assert archive.ask(f"SELECT count(*) FROM {relation}") == [(0,)]
    assert archive.ask("SELECT id, amount + 1, ddb_event_us, ddb_image, dt FROM archive") == []


@pytest.mark.parametrize("output", [{}, {"format": "csv"}])
def test_every_relation_reads_from_s3(archive: Archive, output: dict[str, Any]) -> None:
    archive.settings = settings(**output)
    archive.deliver(A, A)
    archive.deliver(B, day="2026-03-02")
    archive.put("errors/devices/processing-failed/dt=2026-03-01/x", b'{"errorCode":"Lambda.Failed"}\n')

    assert archive.ask("SELECT id, amount FROM archive ORDER BY id") == [
        ("a", Decimal("12.5")),
        ("a", Decimal("12.5")),
        ("b", None),
    ]
    assert archive.ask("SELECT dt, id FROM archive_unique ORDER BY 1") == [
        ("2026-03-01", "a"),
        ("2026-03-02", "b"),
    ]
    assert archive.ask("SELECT id FROM archive_latest ORDER BY 1") == [("a",), ("b",)]
    assert archive.ask("SELECT error_output_type, code, dt FROM errors") == [
        ("processing-failed", "Lambda.Failed", "2026-03-01")
    ]


def test_objects_in_glacier_are_counted_and_not_read_until_they_are_restored(archive: Archive) -> None:
    key = archive.deliver(A)
    archive.deliver(B)
    assert archive.stored().unreadable() == []
    archive.freeze(key)

    assert archive.ask("SELECT id FROM archive") == [("b",)]
    assert [each.key for each in archive.stored().unreadable()] == [key]
    archive.s3.restore_object(Bucket=archive.bucket, Key=key, RestoreRequest={"Days": 1})
    assert archive.ask("SELECT count(*) FROM archive") == [(2,)]
    assert archive.stored().unreadable() == []


def test_a_row_of_the_largest_item_is_read_in_csv(archive: Archive) -> None:
    """DynamoDB's largest item has 400 KB; each quote becomes two characters in the image and four in CSV."""
    archive.settings = settings(format="csv", image=True)
    archive.deliver({"id": {"S": '"' * 390_000}})

    assert archive.ask("SELECT length(id), length(ddb_image) FROM archive") == [(390_000, 780_015)]
