"""What happens when a key of archive.toml is changed in a deployed stack; README.md has it as a table.

A test compares these rules with the templates before and after each change, and with what the guard refuses.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaterChange:
    """One key: whether the layout guard refuses the change, and what happens or what the way out is."""

    refused: bool
    text: str


def _safe(text: str) -> LaterChange:
    return LaterChange(False, text)


def _refused(text: str) -> LaterChange:
    return LaterChange(True, text)


_SECOND_STACK = (
    "drain this stack and deploy a second one with another `stack_name`, `database` and bucket; both "
    "stay queryable"
)
_FROM_NOW = "applies to what comes from now on"
_FIREHOSE = "Firehose is updated in place"
_FUNCTION = "the function is updated; running batches finish with the old version"
_MAPPING = "the event source mapping is updated in place and keeps its place in the stream"
_QUEUE_MAPPING = "the event source mapping is updated in place; messages stay in the queue"
_NEXT_RUN = "applies to the next run"
_LIFECYCLE = "the life cycle is updated; S3 applies it to old objects too"

# Section -> key -> what happens. The order is that of the settings.
LATER: dict[str, dict[str, LaterChange]] = {
    "table": {
        "name": _refused("another table is another stack: give it another `stack_name`"),
        "ttl_attribute": _safe("checked first against the table's TTL; a wrong attribute is refused"),
        "keys": _safe("the views are replaced; no row changes"),
        "backfilled": _safe("the views are replaced; no row changes"),
    },
    "select": {
        "changes": _safe(f"{_FROM_NOW}; what was dropped before is not in the archive"),
        "infer_replica_ttl": _safe(_FROM_NOW),
    },
    "output": {
        "format": _refused(_SECOND_STACK),
        "row": _refused(_SECOND_STACK),
        "nested": _safe(f"{_FROM_NOW}; a column keeps its path, so queries read both kinds of rows"),
        "image": _safe(f"{_FROM_NOW}; without an image, a column added later is empty for these rows"),
        "partition_by": _refused(_SECOND_STACK),
        "overflow": _safe(_FROM_NOW),
        "date_column": _refused(_SECOND_STACK),
    },
    "columns": {
        "name, path, type": _safe(
            "JSON lines: any change. CSV: columns may only be added at the end. Parquet: the type of a "
            "column "
            "may not change. Other changes are refused"
        ),
    },
    "reports": {
        "name": _safe("begins a new series of objects; those of the old name stay"),
        "query, sql, file, parameters": _safe("from the next run; reports that are written stay as they are"),
        "every, at": _safe("from the next run; a report of another length has other keys"),
        "topic": _safe("from the next run"),
    },
    "deploy": {
        "stack_name": _safe("deploys a second stack; the first one stays as it is until it is drained"),
        "source": _refused('from one road to the other: go by "both", see [Two roads](#two-roads)'),
        "table": _refused("a table that exists is not created again"),
        "partition_key": _refused("a table's key cannot change: create another table, in another stack"),
        "sort_key": _refused("a table's key cannot change: create another table, in another stack"),
        "attach": _safe(
            "`false` detaches the table; changes until `true` are lost, on the Streams road after 24 hours"
        ),
        "stream_mode": _safe("in place; AWS allows two changes in 24 hours"),
        "shards": _safe("in place; order and content are unaffected"),
        "stream_retention_days": _safe(
            "in place; a shorter one drops older records at once: see DeliveryBehind"
        ),
        "max_record_kib": _safe("in place"),
        "memory_mb": _safe(_FUNCTION),
        "timeout_s": _safe(_FUNCTION),
        "architecture": _safe(_FUNCTION),
        "handler": _safe(_FUNCTION),
        "log_retention_days": _safe("in place; a shorter one deletes older log lines"),
        "processor_buffer_mb": _safe(_FIREHOSE),
        "processor_buffer_s": _safe(_FIREHOSE),
        "processor_retries": _safe(_FIREHOSE),
        "batch_records": _safe(_MAPPING),
        "batch_window_s": _safe(_MAPPING),
        "batches_per_shard": _safe(_MAPPING),
        "batch_retries": _safe(_MAPPING),
        "record_age_s": _safe(_MAPPING),
        "buffer_mb": _safe(_FIREHOSE),
        "buffer_s": _safe(_FIREHOSE),
        "parquet": _refused(_SECOND_STACK),
        "source_backup": _safe("can be turned on; turning it off is refused, because Firehose cannot"),
        "source_backup_days": _safe(_LIFECYCLE),
        "bucket": _refused("rows in the old bucket would not be found: keep it, or deploy a second stack"),
        "kms_key_arn": _safe(
            "allowed when the previous key is listed in `kms_previous_key_arns`, else refused; objects keep "
            "their key"
        ),
        "kms_previous_key_arns": _safe("keys can be added; a key that was listed has to stay listed"),
        "operations_key_arn": _safe(
            "its policy is checked first; a missing statement is printed and refused"
        ),
        "access_logs": _safe("in place"),
        "storage_class": _safe(_LIFECYCLE),
        "glacier_days": _safe(_LIFECYCLE),
        "glacier_small_objects": _safe(_LIFECYCLE),
        "expire_years": _safe(f"{_LIFECYCLE}, and so deletes rows that are older"),
        "noncurrent_days": _safe(_LIFECYCLE),
        "error_days": _safe(f"{_LIFECYCLE}, and so deletes error objects that are older"),
        "object_lock": _safe("applies to new objects; S3 cannot remove Object Lock from a bucket"),
        "object_lock_days": _safe("applies to new objects"),
        "replica_bucket_arn": _safe("copies new objects; earlier ones need S3 Batch Replication"),
        "replica_key_arn": _safe("applies to new objects"),
        "reader_account_ids": _safe("the bucket's policy is updated"),
        "database": _refused("keep the name: replacing a database deletes the tables and views in it"),
        "scan_limit_gb": _safe("in place"),
        "query_result_days": _safe("in place; older results expire"),
        "alarm_email": _safe("the new address has to confirm its subscription"),
        "replay_tolerated_failure_percent": _safe("for executions that start afterwards"),
        "replay_concurrency": _safe("for executions that start afterwards"),
        "tags": _safe("in place"),
        "permissions_boundary": _safe("in place; check first that it allows what the roles do"),
    },
    "export": {
        "kind": _safe(f"{_NEXT_RUN}, which begins where the last export has ended"),
        "every_minutes": _safe(_NEXT_RUN),
        "keep_days": _safe(f"{_LIFECYCLE}, and so deletes exports that are older"),
    },
    "ingest": {
        "keys": _safe(f"{_FROM_NOW}; readings that do not fit the table's key are dead letters"),
        "time": _safe(_FROM_NOW),
        "retention_days": _safe(f"{_FROM_NOW}; items keep their TTL stamp"),
        "readings": _safe(_FROM_NOW),
        "take": _safe(_FROM_NOW),
        "duplicates": _safe(_FROM_NOW),
        "batch_messages": _safe(_QUEUE_MAPPING),
        "max_concurrency": _safe(_QUEUE_MAPPING),
        "max_receives": _safe("in place; attempts of messages in the queue count"),
    },
}


def later_table() -> str:
    """Return the rules as the Markdown table of README.md."""
    lines = ["| section | key | a later change | what happens, or the way out |", "|---|---|---|---|"]
    for section, keys in LATER.items():
        for key, change in keys.items():
            names = ", ".join(f"`{name}`" for name in key.split(", "))
            verdict = "refused" if change.refused else "allowed"
            lines.append(f"| `{section}` | {names} | {verdict} | {change.text} |")
    return "\n".join(lines)
