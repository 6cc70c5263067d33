"""Glue: a database with the archive's table, the view without duplicates, and the table of error objects."""

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.glue_columns import CatalogColumn, catalog_columns
from ttl_archive.infra.view import TABLE, VIEW, view_columns, view_text
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

ERRORS_TABLE = "errors"
# No change can be older: DynamoDB has streamed into Kinesis since November 2020. A fixed day, because a range
# that moves would one day hide the oldest rows, without an error. Evaluated in UTC, as the folders are.
# Source: Athena User Guide, partition projection, date type.
DATE_RANGE = "2020-11-01,NOW+1DAYS"

Table = glue.CfnTable
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_OPENX = "org.openx.data.jsonserde.JsonSerDe"

# What Firehose writes of a record that failed. Text, because numbers come as text in some samples; names are
# lower case, so lambdaArn and lambdaARN are one. Source: Firehose Developer Guide, retry; observed samples.
ERROR_COLUMNS = (
    "attemptsmade",
    "arrivaltimestamp",
    "attemptendingtimestamp",
    "errorcode",
    "errormessage",
    "lasterrorcode",
    "lasterrormessage",
    "lambdaarn",
    "sequencenumber",
    "rawdata",
)


class Catalog(Construct):
    """What Athena knows of the archive. `table` is also the schema of a Parquet conversion."""

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
        self.table = self._table("Archive", self._archive())
        self._table("Errors", self._errors())
        self._table("View", self._view()).node.add_dependency(self.table)

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

    def _archive(self) -> Table.TableInputProperty:
        date = self._settings.output.date_column
        return Table.TableInputProperty(
            name=TABLE,
            description="Every delivered row. A change that was delivered twice is here twice",
            table_type="EXTERNAL_TABLE",
            partition_keys=[Table.ColumnProperty(name=date, type="string")],
            parameters={
                "EXTERNAL": "TRUE",
                "projection.enabled": "true",
                f"projection.{date}.type": "date",
                f"projection.{date}.format": "yyyy-MM-dd",
                f"projection.{date}.range": DATE_RANGE,
                "storage.location.template": self._location(
                    f"{layout.archive_folder(self._settings)}{date}=${{{date}}}/"
                ),
                # Without it Athena skips restored objects as well, and tells nobody.
                # Source: Athena User Guide, querying-glacier.
                "read_restored_glacier_objects": "true",
            },
            storage_descriptor=self._storage(
                layout.archive_folder(self._settings),
                [_column(column) for column in self._archive_columns()],
                "parquet" if self._deploy.parquet else self._settings.output.format,
            ),
        )

    def _archive_columns(self) -> list[CatalogColumn]:
        """CSV is text alone: an empty cell in a column of another type would fail the query."""
        columns = catalog_columns(self._settings)
        if self._settings.output.format == "csv":
            return [CatalogColumn(column.name, "string") for column in columns]
        return list(columns)

    def _errors(self) -> Table.TableInputProperty:
        """No partitions: the error output types are not all known, and a folder left out would be unseen."""
        return Table.TableInputProperty(
            name=ERRORS_TABLE,
            description="Every record that failed, with its source bytes in rawdata (base64)",
            table_type="EXTERNAL_TABLE",
            parameters={"EXTERNAL": "TRUE"},
            storage_descriptor=self._storage(
                layout.errors_folder(self._settings),
                [Table.ColumnProperty(name=name, type="string") for name in ERROR_COLUMNS],
                "errors",
            ),
        )

    def _view(self) -> Table.TableInputProperty:
        return Table.TableInputProperty(
            name=VIEW,
            description="Every change once",
            table_type="VIRTUAL_VIEW",
            parameters={"presto_view": "true", "comment": "Presto View"},
            view_original_text=view_text(self._settings, self._deploy.database),
            view_expanded_text="/* Presto View */",
            storage_descriptor=Table.StorageDescriptorProperty(
                columns=[_column(column) for column in view_columns(self._settings)],
                serde_info=Table.SerdeInfoProperty(),
            ),
        )

    def _storage(
        self, folder: str, columns: list[Table.ColumnProperty], form: str
    ) -> Table.StorageDescriptorProperty:
        parquet = form == "parquet"
        library, parameters = _serde(form, self._settings)
        return Table.StorageDescriptorProperty(
            columns=columns,
            location=self._location(folder),
            input_format=f"{_PARQUET}.MapredParquetInputFormat" if parquet else _TEXT_INPUT,
            output_format=f"{_PARQUET}.MapredParquetOutputFormat" if parquet else _TEXT_OUTPUT,
            serde_info=Table.SerdeInfoProperty(serialization_library=library, parameters=parameters),
        )

    def _location(self, key: str) -> str:
        return f"s3://{self._bucket.bucket_name}/{key}"


def _column(column: CatalogColumn) -> Table.ColumnProperty:
    return Table.ColumnProperty(name=column.name, type=column.hive)


def _serde(form: str, settings: Settings) -> tuple[str, dict[str, str]]:
    """The class that reads a form, and its properties. Source: Athena User Guide, supported SerDes."""
    # A wrong type in one item must not fail every query of its day, as long as the image has the value.
    tolerant = "true" if settings.output.image else "false"
    return {
        # A row's keys are the columns' own names. With case insensitivity two attributes in a map whose names
        # differ by case alone would fail the query, and the JSON text of maps would be in lower case.
        "jsonl": (
            _OPENX,
            {
                "case.insensitive": "false",
                "dots.in.keys": "false",
                "ignore.malformed.json": "false",
                "use.null.for.invalid.data": tolerant,
                **{f"mapping.{column}": column for column in settings.row_columns},
            },
        ),
        "errors": (_OPENX, {"case.insensitive": "true", "ignore.malformed.json": "true"}),
        "csv": (
            "org.apache.hadoop.hive.serde2.OpenCSVSerde",
            {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
        ),
        "parquet": (f"{_PARQUET}.serde.ParquetHiveSerDe", {"serialization.format": "1"}),
    }[form]
