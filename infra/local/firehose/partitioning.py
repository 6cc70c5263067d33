"""Dynamic partitioning with keys from the function: which partition a record belongs to, if any.

Source: FDG, dynamic-partitioning; the messages as named below.
"""

from __future__ import annotations

from typing import Any

from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.infra.local.firehose.processing import Failed, Transformed

# FDG: limits; can be raised on request.
ACTIVE_PARTITIONS_LIMIT = 500
_INVALID_KEYS = "partitionKeys values must not be null or empty"  # SEEN MSight edge-pusher docs

PartitionKeys = tuple[tuple[str, str], ...]


def partition(transformed: Transformed, prefix: prefixes.Prefix) -> PartitionKeys | Failed:
    """The partition of a record by the keys that its prefix asks for, or why it has none."""
    keys = _keys(transformed.partition_keys, prefix.keys("partitionKeyFromLambda"))
    if keys is None:
        return _extraction_failed(transformed, _INVALID_KEYS)
    length = len(
        prefixes.evaluate(prefix, prefixes.Surroundings(prefixes.LONGEST_INSTANT, partition_keys=dict(keys)))
    )
    if length > prefixes.MAX_EVALUATED_LENGTH:
        # FDG: what cannot be evaluated goes to the error bucket prefix; code and text UNVERIFIED.
        return _extraction_failed(
            transformed,
            f"Prefix has {length} characters once evaluated; it can have {prefixes.MAX_EVALUATED_LENGTH}.",
        )
    return keys


def limit_exceeded(transformed: Transformed, limit: int) -> Failed:
    """The outcome of a record whose partition would be one too many."""
    return Failed(
        transformed.record,
        "DynamicPartitioning.ActivePartitionsLimitExceeded",  # SEEN; the text is ours
        f"The delivery stream already has {limit} active partitions.",
        error_output_type=prefixes.ACTIVE_PARTITION_EXCEEDED,
    )


def _keys(returned: Any, wanted: tuple[str, ...]) -> PartitionKeys | None:
    if not isinstance(returned, dict) or not set(wanted) <= returned.keys():
        return None
    if not all(_is_usable(value) for value in returned.values()):
        return None
    return tuple((key, returned[key]) for key in wanted)


def _is_usable(value: Any) -> bool:
    """Whether a value can stand in an S3 key: text, not empty, without the lone surrogates of JSON."""
    return isinstance(value, str) and value != "" and not any("\ud800" <= c <= "\udfff" for c in value)


def _extraction_failed(transformed: Transformed, message: str) -> Failed:
    return Failed(
        transformed.record,
        "DynamicPartitioning.MetadataExtractionFailed",
        message,
        error_output_type=prefixes.METADATA_EXTRACTION_FAILED,
    )
