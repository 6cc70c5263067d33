"""Glue: a database with the text tables `archive_files` and `error_files`, which the relations read."""

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.sql.errors_relation import ERROR_KEYS
from ttl_archive.infra.sql.serde import Serde, archive_serde, error_serde
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, ERROR_FILES, archive_text_columns
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

# No change can be older: DynamoDB has streamed into Kinesis since November 2020. A fixed day, because a range
# that moves would one day hide the oldest rows without an error. It is evaluated in UTC, as the folders are.
# Source: Athena User Guide, partition projection, date type.
DATE_RANGE = "2020-11-01,NOW+1DAYS"

Table = glue.CfnTable
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


class Catalog(Construct):
    """The database and its text tables. `table` is also the schema by which Firehose converts to Parquet."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._deploy, self._bucket = settings, deploy, bucket
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=deploy.database, description=f"What expired from {settings.table.name}"
            ),
        )
        self.table = self._table("ArchiveFiles", self._archive_files())
        self._table("ErrorFiles", self._error_files())

    def _table(self, id: str, table_input: Table.TableInputProperty) -> Table:  # noqa: A002
        table = Table(
            self,
            id,
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self._deploy.database,
            table_input=table_input,
        )
        table.node.add_dependency(self.database)
        return table

    def _archive_files(self) -> Table.TableInputProperty:
        date = self._settings.output.date_column
        columns = archive_text_columns(self._settings)
        return Table.TableInputProperty(
            name=ARCHIVE_FILES,
            description="Every delivered row as text. Query the view archive or archive_unique instead",
            table_type="EXTERNAL_TABLE",
            partition_keys=[_text(date)],
            parameters={
                "EXTERNAL": "TRUE",
                "projection.enabled": "true",
                f"projection.{date}.type": "date",
                f"projection.{date}.format": "yyyy-MM-dd",
                f"projection.{date}.range": DATE_RANGE,
                "storage.location.template": self._location(
                    f"{layout.archive_folder(self._settings)}{date}=${{{date}}}/"
                ),
                # Without it Athena skips restored objects as well, without an error.
                # Source: Athena User Guide, querying-glacier.
                "read_restored_glacier_objects": "true",
            },
            storage_descriptor=self._storage(
                layout.archive_folder(self._settings),
                [_text(column.name) for column in columns],
                _archive_serde(self._settings, self._deploy),
                _PARQUET_FORMATS if self._deploy.parquet else _TEXT_FORMATS,
            ),
        )

    def _error_files(self) -> Table.TableInputProperty:
        """Describe the table of error objects.

        It has no partitions: not all error output types are known, and a folder left out would be unseen.
        """
        return Table.TableInputProperty(
            name=ERROR_FILES,
            description="Every record that failed, as text. Query the view errors instead",
            table_type="EXTERNAL_TABLE",
            parameters={"EXTERNAL": "TRUE"},
            storage_descriptor=self._storage(
                layout.errors_folder(self._settings),
                [_text(name) for name in ERROR_KEYS],
                _serde(error_serde()),
                _TEXT_FORMATS,
            ),
        )

    def _storage(
        self,
        folder: str,
        columns: list[Table.ColumnProperty],
        serde: Table.SerdeInfoProperty,
        formats: tuple[str, str],
    ) -> Table.StorageDescriptorProperty:
        return Table.StorageDescriptorProperty(
            columns=columns,
            location=self._location(folder),
            input_format=formats[0],
            output_format=formats[1],
            serde_info=serde,
        )

    def _location(self, key: str) -> str:
        return f"s3://{self._bucket.bucket_name}/{key}"


_TEXT_FORMATS = (_TEXT_INPUT, _TEXT_OUTPUT)
_PARQUET_FORMATS = (f"{_PARQUET}.MapredParquetInputFormat", f"{_PARQUET}.MapredParquetOutputFormat")


def _archive_serde(settings: Settings, deploy: Deploy) -> Table.SerdeInfoProperty:
    """Return the class that reads delivered files."""
    if deploy.parquet:
        return _serde(Serde(f"{_PARQUET}.serde.ParquetHiveSerDe", {"serialization.format": "1"}))
    return _serde(archive_serde(settings))


def _serde(serde: Serde) -> Table.SerdeInfoProperty:
    return Table.SerdeInfoProperty(serialization_library=serde.library, parameters=dict(serde.parameters))


def _text(name: str) -> Table.ColumnProperty:
    return Table.ColumnProperty(name=name, type="string")
