"""What is in the bucket of a local pipeline: its objects, and SQL over them."""

from __future__ import annotations

from typing import Any

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from ttl_archive.infra.query.engine import create_relations
from ttl_archive.infra.query.stored_files import StoredFiles, bucket_files, with_retrieval_states
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.replay.restore.archive_listing import RetrievalState, list_archived
from ttl_archive.replay.restore.retrieval import retrieval_states
from ttl_archive.transform.settings import Settings

_CALLS_AT_ONCE = 4


class LocalArchive:
    """The archive in a bucket. As in Athena, objects in GLACIER are in no answer until they are retrieved."""

    def __init__(self, s3: Any, bucket: str, connection: DuckDBPyConnection, settings: Settings) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._connection = connection
        self._settings = settings
        self._files: StoredFiles | None = None

    def use(self, settings: Settings) -> None:
        """Make the relations of other settings from now on."""
        self._settings = settings
        self._files = None

    def sql(self, query: str) -> DuckDBPyRelation:
        """Return the answer to a query over the relations. Raises duckdb.Error."""
        files = self._stored_files()
        if files != self._files:
            create_relations(self._connection, *files.readable(), self._settings)
            self._files = files
        return self._connection.sql(query)

    def saved_query(self, name: str, *parameters: str) -> list[tuple[Any, ...]]:
        """Return the rows of a saved query. Raises KeyError for an unknown name."""
        query = saved_queries(self._settings, DuckDbDialect())[name].sql
        self.sql("SELECT 1")  # the relations as of now
        return self._connection.execute(query, list(parameters)).fetchall()

    def unseen(self) -> tuple[str, ...]:
        """Return the keys of the objects that no answer contains."""
        return tuple(each.key for each in self._stored_files().unreadable())

    def objects(self, under: str) -> dict[str, bytes]:
        """Return the bodies of the readable objects under a prefix, by key."""
        listed = list(list_archived(self._s3, self._bucket, under))
        states = retrieval_states(self._s3, listed, _CALLS_AT_ONCE)
        readable = [key for key, state in states.items() if state is RetrievalState.READABLE]
        return {key: self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read() for key in readable}

    def _stored_files(self) -> StoredFiles:
        return with_retrieval_states(self._s3, bucket_files(self._s3, self._bucket, self._settings))
