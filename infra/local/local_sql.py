"""SQL over the delivered files: DuckDB in Athena's place, with the relations of `infra/sql`.

As Athena does, DuckDB reads no object in GLACIER until it is retrieved. What it does not read is counted:
see `Listing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
from duckdb_extensions import import_extension

from ttl_archive.infra.local.moto_server.emulator import KEY, REGION
from ttl_archive.infra.local.s3.retrievals import ARCHIVED
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.duckdb_files import archive_files_sql, error_files_sql
from ttl_archive.infra.sql.relations import relations
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, ERROR_FILES
from ttl_archive.transform.layout import archive_folder, errors_folder
from ttl_archive.transform.settings import Settings


@dataclass(frozen=True, slots=True)
class Listing:
    """Keys of the objects that a query reads, and of those in GLACIER that it does not see."""

    readable: tuple[str, ...]
    unseen: tuple[str, ...]

    def describe_unseen(self) -> str | None:
        """Return a sentence about the objects that a query does not see, or None when it sees all."""
        count = len(self.unseen)
        if not count:
            return None
        objects = "1 object is" if count == 1 else f"{count:,} objects are"
        return (
            f"{objects} in GLACIER and not in any answer, out of {count + len(self.readable):,}. "
            "ttl-archive restore brings items back from there."
        )


def connect(s3_url: str) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB database in memory that reads `s3://` from a local endpoint. It downloads nothing."""
    connection = duckdb.connect()
    import_extension("httpfs")
    connection.load_extension("httpfs")
    connection.execute("SET http_proxy = ''")  # the endpoint is this machine, whatever HTTP_PROXY says
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{KEY}', REGION '{REGION}',"
        f" ENDPOINT '{s3_url.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)"
    )
    return connection


def list_prefix(s3: Any, bucket: str, prefix: str) -> Listing:
    """Return the objects under a prefix, divided into those that can be read now and those in GLACIER."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    readable: list[str] = []
    unseen: list[str] = []
    for entry in (entry for page in pages for entry in page.get("Contents", [])):
        cold = entry.get("StorageClass") in ARCHIVED and not _is_retrieved(s3, bucket, entry["Key"])
        (unseen if cold else readable).append(entry["Key"])
    return Listing(tuple(readable), tuple(unseen))


def list_archive(s3: Any, bucket: str, settings: Settings) -> tuple[Listing, Listing]:
    """Return the table's delivered objects and its error objects."""
    return (
        list_prefix(s3, bucket, archive_folder(settings)),
        list_prefix(s3, bucket, errors_folder(settings)),
    )


def create_relations(
    connection: duckdb.DuckDBPyConnection, bucket: str, listings: tuple[Listing, Listing], settings: Settings
) -> None:
    """Create, or replace, every relation over the objects that `list_archive` has found."""
    delivered, errors = ([f"s3://{bucket}/{key}" for key in listing.readable] for listing in listings)
    views = {
        ARCHIVE_FILES: archive_files_sql(delivered, settings),
        ERROR_FILES: error_files_sql(errors),
        **relations(settings, DuckDbDialect()),
    }
    for name, sql in views.items():
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")


def _is_retrieved(s3: Any, bucket: str, key: str) -> bool:
    return 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key=key).get("Restore", "")
