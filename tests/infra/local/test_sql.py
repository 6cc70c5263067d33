from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from ttl_archive.infra.local.local_sql import connect, create_views, readable_objects
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.transform.formats import ArchiveDialect
from ttl_archive.transform.settings import Settings, parse

COLUMNS = [
    {"name": "id", "path": "id"},
    {"name": "amount", "path": "amount", "type": "decimal(20,4)"},
    {"name": "seen", "path": "seen", "type": "timestamp"},
    {"name": "doc", "path": "doc", "type": "json"},
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


@pytest.fixture
def connection(emulator: Emulator) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(emulator.url) as connection:
        yield connection


def settings(**output: Any) -> Settings:
    output = {"format": "jsonl"} | output
    columns = [] if output.get("row") == "envelope" else COLUMNS
    return parse({"table": {"name": "orders", "ttl_attribute": "ttl"}, "output": output, "columns": columns})


def metadata(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "ddb_table": "orders",
        "ddb_event_id": f"event-{number}",
        "ddb_event_name": "REMOVE",
        "ddb_event_time": "2026-03-01 10:00:00.123",
        "ddb_event_us": 1772359200123456 + number,
        "ddb_removed_by": "ttl",
    } | changed


class Archive:
    """Delivered files and the views over them."""

    def __init__(self, connection: Any, s3: Any, bucket: str, settings: Settings) -> None:
        self.connection, self.s3, self.bucket, self.settings = connection, s3, bucket, settings
        self.files = 0

    def deliver(self, *rows: dict[str, Any], day: str = "2026-03-01") -> str:
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        return self._put(lines, day)

    def deliver_csv(self, *rows: dict[str, Any], day: str = "2026-03-01") -> str:
        text = io.StringIO()
        names = self.settings.row_columns
        csv.writer(text, ArchiveDialect).writerows([str(row.get(name, "")) for name in names] for row in rows)
        return self._put(text.getvalue(), day)

    def _put(self, text: str, day: str) -> str:
        self.files += 1
        key = f"archive/orders/dt={day}/{self.files}.{self.settings.output.format}.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=gzip.compress(text.encode()))
        return key

    def ask(self, query: str) -> list[tuple]:
        keys = readable_objects(self.s3, self.bucket, "archive/orders/")
        create_views(self.connection, self.bucket, keys, self.settings)
        return self.connection.execute(query).fetchall()


@pytest.fixture
def archive(connection: Any, s3: Any, bucket: str) -> Archive:
    return Archive(connection, s3, bucket, settings())


def test_a_proxy_for_the_internet_is_not_asked_for_local_files(
    emulator: Emulator, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with connect(emulator.url) as connection:
        archive = Archive(connection, s3, bucket, settings())
        archive.deliver(metadata(1))

        assert archive.ask("SELECT count(*) FROM archive") == [(1,)]


def test_an_empty_archive_has_the_known_columns_and_no_rows(archive: Archive) -> None:
    assert archive.ask("SELECT count(*) FROM archive") == [(0,)]
    assert archive.ask("SELECT id, amount + 1, ddb_event_us, ddb_image, dt FROM archive_deduplicated") == []


def test_columns_have_the_types_of_the_settings(archive: Archive) -> None:
    archive.deliver(
        metadata(1) | {"id": "a", "amount": 12.5, "seen": "2026-01-01 00:00:00.000", "doc": {"a": [1]}}
    )

    query = "SELECT ddb_event_time, ddb_event_us, id, amount, seen, doc, dt FROM archive"
    assert [
        (
            datetime(2026, 3, 1, 10, 0, 0, 123000),
            1772359200123457,
            "a",
            Decimal("12.5000"),
            datetime(2026, 1, 1),
            '{"a":[1]}',
            "2026-03-01",
        )
    ] == archive.ask(query)


def test_a_value_that_does_not_fit_its_column_is_null_and_does_not_stop_the_query(archive: Archive) -> None:
    archive.deliver(metadata(1) | {"id": "a", "amount": "n/a"}, metadata(2) | {"id": 7, "amount": 1})

    assert archive.ask("SELECT id, amount FROM archive ORDER BY id") == [("7", 1), ("a", None)]


def test_attributes_without_a_column_are_there_under_their_own_names(archive: Archive) -> None:
    archive.deliver(
        metadata(1) | {"note": "2010-01-01", "size": 3, "ratio": 0.5, "on": True, "at 1": [1, "a"]}
    )
    archive.deliver(metadata(2) | {"later": 1, "size": 10})

    found = archive.ask('SELECT note, size, ratio, "on", "at 1", later FROM archive ORDER BY ddb_event_us')
    assert found == [("2010-01-01", 3, 0.5, True, '[1,"a"]', None), (None, 10, None, None, None, 1)]
    assert archive.ask("SELECT max(size) FROM archive") == [(10,)]


def test_an_attribute_of_several_types_is_text(archive: Archive) -> None:
    archive.deliver(metadata(1) | {"mixed": 5}, metadata(2) | {"mixed": "five"}, metadata(3) | {"mixed": {}})

    assert archive.ask("SELECT mixed FROM archive ORDER BY ddb_event_us") == [("5",), ("five",), ("{}",)]


def test_the_image_is_text_with_the_digits_it_came_with(archive: Archive) -> None:
    image = '{"n":{"N":"0.1234567890123456789012345678901234567"}}'
    archive.deliver(metadata(1) | {"ddb_image": image})

    assert archive.ask("SELECT ddb_image FROM archive") == [(image,)]


def test_a_number_of_38_digits_is_exact_in_a_column_of_text_or_decimal(archive: Archive) -> None:
    number = 12345678901234567890123456789012345678
    archive.deliver(metadata(1) | {"id": number, "amount": 1234567890123456})

    assert archive.ask("SELECT id, amount FROM archive") == [(str(number), Decimal("1234567890123456.0000"))]


def test_folders_are_the_date_column_as_text(archive: Archive) -> None:
    archive.deliver(metadata(1), day="2026-03-01")
    archive.deliver(metadata(2), metadata(3), day="2026-03-02")

    found = archive.ask("SELECT dt, count(*) FROM archive GROUP BY dt ORDER BY dt")
    assert found == [("2026-03-01", 1), ("2026-03-02", 2)]


def test_names_that_differ_in_case_do_not_break_the_view(archive: Archive) -> None:
    archive.deliver(metadata(1) | {"Name": "a"}, metadata(2) | {"name": "b"})

    assert archive.ask("SELECT count(*) FROM archive") == [(2,)]


def test_objects_in_glacier_are_skipped_until_they_are_restored(archive: Archive) -> None:
    key = archive.deliver(metadata(1))
    archive.deliver(metadata(2))
    source = {"Bucket": archive.bucket, "Key": key}
    archive.s3.copy_object(Bucket=archive.bucket, Key=key, CopySource=source, StorageClass="GLACIER")

    assert archive.ask("SELECT ddb_event_id FROM archive") == [("event-2",)]
    archive.s3.restore_object(Bucket=archive.bucket, Key=key, RestoreRequest={"Days": 1})
    assert archive.ask("SELECT count(*) FROM archive") == [(2,)]


def test_a_record_delivered_twice_is_one_change(archive: Archive) -> None:
    row = metadata(1) | {"id": "a", "ddb_image": '{"id":{"S":"a"}}'}
    archive.deliver(row, metadata(2) | {"ddb_image": '{"id":{"S":"b"}}'})
    archive.deliver(row, day="2026-03-02")

    assert archive.ask("SELECT count(*) FROM archive") == [(3,)]
    found = archive.ask("SELECT ddb_event_id, dt FROM archive_deduplicated ORDER BY 1")
    assert found == [("event-1", "2026-03-01"), ("event-2", "2026-03-01")]


@pytest.mark.parametrize("image", [True, False])
def test_a_change_that_came_under_two_event_ids_is_one_change(
    connection: Any, s3: Any, bucket: str, image: bool
) -> None:
    archive = Archive(connection, s3, bucket, settings(image=image))
    row = metadata(1) | {"id": "a", "extra": "x"} | ({"ddb_image": '{"id":{"S":"a"}}'} if image else {})
    archive.deliver(row, row | {"ddb_event_id": "another"})
    archive.deliver(row | {"ddb_event_us": 1, "ddb_event_id": "earlier"})

    assert archive.ask("SELECT count(*) FROM archive_deduplicated") == [(2,)]


@pytest.mark.parametrize("output", [{"format": "csv", "image": True}, {"image": True}])
def test_rows_from_before_images_were_kept_are_changes_of_their_own(
    connection: Any, s3: Any, bucket: str, output: dict[str, Any]
) -> None:
    archive = Archive(connection, s3, bucket, settings(**output))
    deliver = archive.deliver_csv if "format" in output else archive.deliver
    first, second = metadata(1) | {"id": "a"}, metadata(1) | {"id": "b", "ddb_event_id": "another"}
    deliver(first, second)
    deliver(second)

    assert archive.ask("SELECT id FROM archive_deduplicated ORDER BY id") == [("a",), ("b",)]


def test_a_change_history_has_keys_and_both_images(connection: Any, s3: Any, bucket: str) -> None:
    archive = Archive(connection, s3, bucket, settings(row="envelope"))
    row = metadata(1) | {"keys": {"id": "a"}, "new_image": None, "old_image": {"id": "a", "n": 1}}
    archive.deliver(row, row | {"ddb_event_id": "another"})

    expected = [('{"id":"a"}', None, '{"id":"a","n":1}')]
    assert archive.ask("SELECT keys, new_image, old_image FROM archive_deduplicated") == expected


@pytest.mark.parametrize("image", [False, True])
def test_csv_is_read_as_the_project_writes_it(connection: Any, s3: Any, bucket: str, image: bool) -> None:
    archive = Archive(connection, s3, bucket, settings(format="csv", image=image))
    text, doc, rest = 'quote " comma , back\\', '{"a": "\\""}', '{"x": 1}'
    values = {"id": text, "amount": "12.5", "seen": "2026-01-01 00:00:00.000", "doc": doc}
    archive.deliver_csv(metadata(1) | values | {"ddb_rest": rest, "ddb_image": '{"id":{}}'})

    found = archive.ask("SELECT id, amount, seen, doc, ddb_rest, ddb_event_us FROM archive_deduplicated")
    assert found == [(text, Decimal("12.5"), datetime(2026, 1, 1), doc, rest, 1772359200123457)]


def test_csv_rows_from_before_a_column_was_added_have_null_there(
    connection: Any, s3: Any, bucket: str
) -> None:
    then = parse(
        {
            "table": {"name": "orders", "ttl_attribute": "ttl"},
            "output": {"format": "csv"},
            "columns": COLUMNS[:2],
        }
    )
    row = metadata(1) | {"ddb_rest": '{"doc":{"x":1}}', "id": "a", "amount": "1.5"}
    Archive(connection, s3, bucket, then).deliver_csv(row)
    archive = Archive(connection, s3, bucket, settings(format="csv"))
    archive.files = 1
    archive.deliver_csv(metadata(2) | {"id": "b", "doc": "{}"})

    found = archive.ask("SELECT id, amount, seen, doc, ddb_rest FROM archive ORDER BY id")
    assert found == [("a", Decimal("1.5000"), None, None, '{"doc":{"x":1}}'), ("b", None, None, "{}", "")]


def test_a_row_of_the_largest_item_is_read_in_csv(connection: Any, s3: Any, bucket: str) -> None:
    archive = Archive(connection, s3, bucket, settings(format="csv", image=True))
    text = '"' * 390_000
    image = json.dumps({"id": {"S": text}})
    archive.deliver_csv(metadata(1) | {"id": text, "ddb_image": image})

    assert archive.ask("SELECT length(id), length(ddb_image) FROM archive") == [(390_000, len(image))]


def test_an_empty_cell_is_an_empty_text_and_no_number(connection: Any, s3: Any, bucket: str) -> None:
    archive = Archive(connection, s3, bucket, settings(format="csv"))
    archive.deliver_csv(metadata(1))

    assert archive.ask("SELECT id, amount, ddb_rest FROM archive") == [("", None, "")]
