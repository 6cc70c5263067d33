"""Archived rows, objects and tables for the tests of restore."""

from __future__ import annotations

from typing import Any

from tests.fakes import client_error
from tests.replay.bucket import Bucket
from ttl_archive.replay.restore.archived_rows import ArchivedRow, BadLine, read_rows
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

TABLE = {"name": "DeviceData", "ttl_attribute": "expiredAt"}


def settings_with(**output: Any) -> Settings:
    """Settings with this [output], and with `columns` where given."""
    columns = output.pop("columns", [])
    return parse({"table": TABLE, "output": output, "columns": columns})


def archived(settings: Settings, *datas: bytes) -> bytes:
    """The lines that the transform makes of change records."""
    made = [converter(settings)(data) for data in datas]
    return b"".join(row.line for row in made if isinstance(row, Row))


def read(body: bytes, settings: Settings) -> list[ArchivedRow | BadLine]:
    """The rows of an object, read in small chunks."""
    chunks = [body[start : start + 50] for start in range(0, len(body), 50)]
    return list(read_rows(chunks, settings, is_csv=settings.output.format == "csv"))


def read_one(body: bytes, settings: Settings) -> ArchivedRow:
    """The only row of an object."""
    (row,) = read_rows([body], settings, is_csv=settings.output.format == "csv")
    assert isinstance(row, ArchivedRow)
    return row


class GlacierBucket(Bucket):
    """Retrievals that are ready after so many polls; `lists_status` is whether listings say so."""

    polls: int = 2
    lists_status: bool = True

    def restore_object(self, **request: Any) -> dict[str, Any]:
        with self._call("RestoreObject", request):
            stored = self.objects[request["Key"]]
            if stored.restore:
                raise client_error("RestoreAlreadyInProgress", "RestoreObject", 409)
            stored.restore = 'ongoing-request="true"'
            return {}

    def tick(self) -> None:
        """One poll's time passes."""
        self.polls -= 1
        for stored in self.objects.values():
            if stored.restore == 'ongoing-request="true"' and self.polls <= 0:
                stored.restore = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"'

    def paginate(self, **request: Any) -> Any:
        for page in super().paginate(**request):
            for entry in page["Contents"]:
                restore = self.objects[entry["Key"]].restore
                if restore and self.lists_status and "RestoreStatus" in request["OptionalObjectAttributes"]:
                    entry["RestoreStatus"] = {"IsRestoreInProgress": "true" in restore}
            yield page
