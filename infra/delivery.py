"""The delivery stream to the bucket: of a data stream and the transform, or of what is put into it."""

from typing import NamedTuple

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import delivery_roles, roles
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.log_group import log_group
from ttl_archive.infra.nag import acknowledge, acknowledge_wildcards
from ttl_archive.infra.sql.text_table import archive_text_columns
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

Stream = firehose.CfnDeliveryStream
# Seconds in which Firehose retries a partitioned delivery: its default. Source: Firehose API Reference.
_PARTITION_RETRY_S = 300
# At least 64 MB, because the minimum of partitioning applies to the backup as well.
_BACKUP_HINTS = Stream.BufferingHintsProperty(size_in_m_bs=64, interval_in_seconds=300)


class StreamAndTransform(NamedTuple):
    """The data stream that a delivery stream reads, and the function that transforms its records."""

    stream: kinesis.IStream
    function: lambda_.IFunction


class FirehoseDelivery(Construct):
    """The delivery stream, its role and its log. Without a source, rows are put into it (Direct PUT)."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
        table: glue.CfnTable,
        source: StreamAndTransform | None,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._deploy, self._bucket = settings, deploy, bucket
        self._log = log_group(self, "Log", deploy)
        self._role = delivery_roles.firehose_role(self, self._statements(source, table))
        acknowledge_wildcards(
            self._role,
            [bucket.arn_for_objects(f"{folder}*") for folder in self._folders()],
            "Firehose chooses the object names; the folders belong to this table alone.",
        )
        self.delivery_stream = Stream(
            self,
            "DeliveryStream",
            delivery_stream_type="KinesisStreamAsSource" if source else "DirectPut",
            kinesis_stream_source_configuration=self._reading(source.stream) if source else None,
            delivery_stream_encryption_configuration_input=None if source else _buffer_encryption(deploy),
            extended_s3_destination_configuration=self._destination(source, table),
        )
        if source:
            acknowledge(
                self.delivery_stream,
                {"KDF1": "Only Direct PUT has its own encryption; here the data stream is encrypted."},
            )

    def _reading(self, stream: kinesis.IStream) -> Stream.KinesisStreamSourceConfigurationProperty:
        return Stream.KinesisStreamSourceConfigurationProperty(
            kinesis_stream_arn=stream.stream_arn, role_arn=self._role.role_arn
        )

    def _destination(
        self, source: StreamAndTransform | None, table: glue.CfnTable
    ) -> Stream.ExtendedS3DestinationConfigurationProperty:
        settings, deploy = self._settings, self._deploy
        by_event = settings.output.partition_by == "event"
        return Stream.ExtendedS3DestinationConfigurationProperty(
            bucket_arn=self._bucket.bucket_arn,
            role_arn=self._role.role_arn,
            prefix=layout.prefix(settings),
            error_output_prefix=layout.error_output_prefix(settings),
            buffering_hints=Stream.BufferingHintsProperty(
                size_in_m_bs=deploy.buffer_mb, interval_in_seconds=deploy.buffer_s
            ),
            # Firehose requires UNCOMPRESSED with Parquet, which is compressed internally.
            compression_format="UNCOMPRESSED" if deploy.parquet else "GZIP",
            # Athena chooses the codec by the extension, and this setting replaces the default `.gz`.
            file_extension=None if deploy.parquet else f".{settings.output.format}.gz",
            cloud_watch_logging_options=self._logging("DestinationDelivery"),
            encryption_configuration=_encryption(deploy),
            processing_configuration=self._processing(source.function) if source else None,
            dynamic_partitioning_configuration=_partitioning() if by_event else None,
            data_format_conversion_configuration=self._conversion(table) if deploy.parquet else None,
            s3_backup_mode="Enabled" if deploy.source_backup else "Disabled",
            s3_backup_configuration=self._backup() if deploy.source_backup else None,
        )

    def _processing(self, function: lambda_.IFunction) -> Stream.ProcessingConfigurationProperty:
        parameters = {
            "LambdaArn": function.function_arn,  # of the alias, so it has a qualifier
            "RoleArn": self._role.role_arn,
            "NumberOfRetries": self._deploy.processor_retries,
            "BufferSizeInMBs": self._deploy.processor_buffer_mb,
            "BufferIntervalInSeconds": self._deploy.processor_buffer_s,
        }
        return Stream.ProcessingConfigurationProperty(
            enabled=True,  # without it Firehose stores false and transforms nothing
            processors=[
                Stream.ProcessorProperty(
                    type="Lambda",
                    parameters=[
                        Stream.ProcessorParameterProperty(parameter_name=name, parameter_value=str(value))
                        for name, value in parameters.items()
                    ],
                )
            ],
        )

    def _conversion(self, table: glue.CfnTable) -> Stream.DataFormatConversionConfigurationProperty:
        """Return the conversion from JSON to Parquet with the columns of the Glue table."""
        return Stream.DataFormatConversionConfigurationProperty(
            enabled=True,
            schema_configuration=Stream.SchemaConfigurationProperty(
                catalog_id=Aws.ACCOUNT_ID,
                database_name=table.database_name,
                table_name=table.ref,
                region=Aws.REGION,
                role_arn=self._role.role_arn,
                version_id="LATEST",
            ),
            input_format_configuration=Stream.InputFormatConfigurationProperty(
                deserializer=Stream.DeserializerProperty(
                    # Attributes can differ by case alone, and our columns are lower case.
                    open_x_json_ser_de=Stream.OpenXJsonSerDeProperty(
                        case_insensitive=False, column_to_json_key_mappings=self._renamed_keys()
                    )
                )
            ),
            output_format_configuration=Stream.OutputFormatConfigurationProperty(
                serializer=Stream.SerializerProperty(
                    parquet_ser_de=Stream.ParquetSerDeProperty(compression="SNAPPY")
                )
            ),
        )

    def _renamed_keys(self) -> dict[str, str] | None:
        """Return the key in a row of each text column that has another name than its key."""
        columns = archive_text_columns(self._settings)
        return {column.name: column.key for column in columns if column.name != column.key} or None

    def _backup(self) -> Stream.S3DestinationConfigurationProperty:
        """Return the backup of every source record, unchanged. Firehose adds no newlines between them."""
        return Stream.S3DestinationConfigurationProperty(
            bucket_arn=self._bucket.bucket_arn,
            role_arn=self._role.role_arn,
            prefix=layout.source_prefix(self._settings),
            error_output_prefix=layout.error_output_prefix(self._settings),
            buffering_hints=_BACKUP_HINTS,
            compression_format="GZIP",
            encryption_configuration=_encryption(self._deploy),
            cloud_watch_logging_options=self._logging("BackupDelivery"),
        )

    def _logging(self, name: str) -> Stream.CloudWatchLoggingOptionsProperty:
        log_stream = logs.LogStream(self, name, log_group=self._log, log_stream_name=name)
        return Stream.CloudWatchLoggingOptionsProperty(
            enabled=True, log_group_name=self._log.log_group_name, log_stream_name=log_stream.log_stream_name
        )

    def _folders(self) -> list[str]:
        folders = [
            layout.archive_folder(self._settings),
            layout.errors_folder(self._settings),
        ]
        return folders + ([layout.source_folder(self._settings)] if self._deploy.source_backup else [])

    def _statements(
        self, source: StreamAndTransform | None, table: glue.CfnTable
    ) -> list[iam.PolicyStatement]:
        invoke = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"]
        return [
            *(delivery_roles.stream_reading(source.stream, self._deploy) if source else []),
            *delivery_roles.object_delivery(self._bucket, self._folders(), self._deploy),
            *([roles.allow(invoke, [source.function.function_arn])] if source else []),
            roles.allow(["logs:PutLogEvents"], [self._log.log_group_arn]),
            *(delivery_roles.schema_reading(self, table) if self._deploy.parquet else []),
        ]


def _encryption(deploy: Deploy) -> Stream.EncryptionConfigurationProperty:
    """Return the customer key's encryption, or none: then the bucket's default encryption applies."""
    if deploy.kms_key_arn:
        kms = Stream.KMSEncryptionConfigProperty(awskms_key_arn=deploy.kms_key_arn)
        return Stream.EncryptionConfigurationProperty(kms_encryption_config=kms)
    return Stream.EncryptionConfigurationProperty(no_encryption_config="NoEncryption")


def _buffer_encryption(deploy: Deploy) -> Stream.DeliveryStreamEncryptionConfigurationInputProperty:
    """Return the encryption of what Firehose has buffered: the customer's key, or one that AWS owns."""
    return Stream.DeliveryStreamEncryptionConfigurationInputProperty(
        key_type="CUSTOMER_MANAGED_CMK" if deploy.kms_key_arn else "AWS_OWNED_CMK", key_arn=deploy.kms_key_arn
    )


def _partitioning() -> Stream.DynamicPartitioningConfigurationProperty:
    return Stream.DynamicPartitioningConfigurationProperty(
        enabled=True, retry_options=Stream.RetryOptionsProperty(duration_in_seconds=_PARTITION_RETRY_S)
    )
