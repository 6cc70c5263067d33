"""The layout that archive.toml asks for, as the layout guard compares it."""

from ttl_archive.infra.attachment.layout_rules import Layout
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.sql.text_table import archive_text_columns
from ttl_archive.transform.settings import Settings

# With partitioning, Firehose may take 1.5 times the interval. Source: Firehose Developer Guide, buffering.
PARTITIONED_DELAY = 1.5
# The longest that a failing function keeps a batch: Firehose waits 5 minutes for each attempt.
# Source: Firehose Developer Guide, data-transformation.
ATTEMPT_S = 300


def wanted_layout(settings: Settings, deploy: Deploy) -> Layout:
    """Return the layout of the rows that this configuration writes, in the bucket of its own stack."""
    output = settings.output
    return Layout(
        table=settings.table.name,
        database=deploy.database,
        bucket="",
        date_column=output.date_column,
        files="parquet" if deploy.parquet else output.format,
        row=output.row,
        partition_by=output.partition_by,
        columns=tuple(f"{column.name} string" for column in archive_text_columns(settings)),
        key_arn=deploy.kms_key_arn or "",
        readable_key_arns=deploy.kms_previous_key_arns,
        source_backup=deploy.source_backup,
        table_key=", ".join(name for name in (deploy.partition_key, deploy.sort_key) if name),
        source=deploy.source,
    )


def buffers_s(settings: Settings, deploy: Deploy) -> int:
    """Return the longest time in seconds that a record stays in the delivery stream's buffers.

    These are the buffer before the function, its retries, and the buffer before the bucket.
    """
    delay = PARTITIONED_DELAY if settings.output.partition_by == "event" else 1.0
    retries = (deploy.processor_retries + 1) * ATTEMPT_S
    return int(deploy.processor_buffer_s + retries + deploy.buffer_s * delay)


def view_types(settings: Settings) -> tuple[str, ...]:
    """Return the view types of a table's stream that hold what is archived: old images, and perhaps new ones.

    Source: DynamoDB Developer Guide, Streams.
    """
    only_removals = settings.select.changes in ("ttl-removals", "removals")
    return ("NEW_AND_OLD_IMAGES", "OLD_IMAGE") if only_removals else ("NEW_AND_OLD_IMAGES",)
