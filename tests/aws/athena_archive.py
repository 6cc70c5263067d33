"""An archive in Athena: rows in a bucket, the text tables as the stack has them, and the views."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.conformance.endpoint import Endpoint
from tests.transform.builders import encoded
from ttl_archive.infra.athena_views.view_changes import creations
from ttl_archive.infra.query.athena_runner import AthenaRunner
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.errors_relation import ERROR_KEYS
from ttl_archive.infra.sql.relations import relations
from ttl_archive.infra.sql.serde import Serde, archive_serde, error_serde
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, ERROR_FILES, archive_text_columns
from ttl_archive.transform import layout
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings

DAY = "2025-11-21"
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_SCAN_LIMIT_BYTES = 10_485_760  # Source: BC-athena and observed; the least that Athena accepts


@dataclass(frozen=True)
class AthenaClients:
    """Clients of Athena and Glue: AWS's, or the stand-in of `local_athena`."""

    athena: Any
    glue: Any


class AthenaArchive:
    """Creates a bucket, a workgroup and a database; `runner` asks them."""

    def __init__(self, probed: Endpoint, clients: AthenaClients, settings: Settings) -> None:
        self.settings, self.glue = settings, clients.glue
        self._s3, self._bucket = probed.client("s3"), probed.bucket()
        workgroup = probed.name("workgroup")
        self.database = probed.name("db").replace("-", "_")
        results = {"OutputLocation": f"s3://{self._bucket}/results/"}
        clients.athena.create_work_group(
            Name=workgroup,
            Configuration={
                "ResultConfiguration": results,
                "EnforceWorkGroupConfiguration": True,
                "BytesScannedCutoffPerQuery": _SCAN_LIMIT_BYTES,
                "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
            },
        )
        self.glue.create_database(DatabaseInput={"Name": self.database})
        self.runner = AthenaRunner(clients.athena, workgroup, self.database)

    def deliver(self, changes: Iterable[dict[str, Any]]) -> None:
        """Put one object with the rows of the change records."""
        convert = converter(self.settings)
        rows = [convert(encoded(change)) for change in changes]
        lines = b"".join(row.line for row in rows if isinstance(row, Row))
        assert lines.count(b"\n") == len(rows)
        date = f"{self.settings.output.date_column}={DAY}"
        key = f"{layout.archive_folder(self.settings)}{date}/1.{self.settings.output.format}.gz"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=gzip.compress(lines))

    def create_relations(self) -> None:
        """Create the text tables and, by the statements of the stack, the views."""
        date = self.settings.output.date_column
        folder = layout.archive_folder(self.settings)
        columns = [column.name for column in archive_text_columns(self.settings)]
        projection = {
            "projection.enabled": "true",
            f"projection.{date}.type": "date",
            f"projection.{date}.format": "yyyy-MM-dd",
            f"projection.{date}.range": "2020-11-01,NOW+1DAYS",
            "storage.location.template": f"s3://{self._bucket}/{folder}{date}=${{{date}}}/",
        }
        self._create_table(
            ARCHIVE_FILES,
            folder,
            columns,
            archive_serde(self.settings),
            Parameters=projection,
            PartitionKeys=[_text(date)],
        )
        self._create_table(
            ERROR_FILES, layout.errors_folder(self.settings), list(ERROR_KEYS), error_serde(), Parameters={}
        )
        for statement in creations(relations(self.settings, AthenaDialect())):
            list(self.runner.run(statement).rows)

    def _create_table(self, name: str, folder: str, columns: list[str], serde: Serde, **more: Any) -> None:
        storage = {
            "Columns": [_text(column) for column in columns],
            "Location": f"s3://{self._bucket}/{folder}",
            "InputFormat": _TEXT_INPUT,
            "OutputFormat": _TEXT_OUTPUT,
            "SerdeInfo": {"SerializationLibrary": serde.library, "Parameters": dict(serde.parameters)},
        }
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, **more}
        table["Parameters"] = {"EXTERNAL": "TRUE", **table["Parameters"]}
        self.glue.create_table(DatabaseName=self.database, TableInput=table)


def _text(name: str) -> dict[str, str]:
    return {"Name": name, "Type": "string"}
