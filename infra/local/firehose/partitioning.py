"""Dynamic partitioning: the partition of each record, by keys from the function or from a query.

Source: FDG, dynamic-partitioning; the messages as named below.
"""

from __future__ import annotations

from typing import Any

from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.infra.local.firehose.metadata_extraction import ExtractionFailed, MetadataQuery
from ttl_archive.infra.local.firehose.processing import Failed, Transformed

# FDG: limits; can be raised on request.
ACTIVE_PARTITIONS_LIMIT = 500
_INVALID_KEYS = "partitionKeys values must not be null or empty"  # SEEN MSight edge-pusher docs

PartitionKeys = tuple[tuple[str, str], ...]


def partition(
    transformed: Transformed, prefix: prefixes.Prefix, query: MetadataQuery | None = None
) -> PartitionKeys | Failed:
    """Return the partition of a record by the keys that its prefix names, or why it has none."""
    keys = _keys(transformed.partition_keys, prefix, "partitionKeyFromLambda")
    if query is not None and keys is not None:
        try:
            found = _keys(query.evaluate(transformed.data), prefix, "partitionKeyFromQuery")
        except ExtractionFailed as error:
            return _extraction_failed(transformed, str(error))
        keys = None if found is None else keys + found
    if keys is None:
        return _extraction_failed(transformed, _INVALID_KEYS)
    at_longest = prefixes.Surroundings(prefixes.LONGEST_INSTANT, partition_keys=dict(keys))
    length = len(prefixes.evaluate_prefix(prefix, at_longest))
    if length > prefixes.MAX_EVALUATED_LENGTH:
        # FDG: what cannot be evaluated goes to the error output prefix; code and text UNVERIFIED.
        return _extraction_failed(
            transformed,
            f"Prefix has {length} characters once evaluated; it can have {prefixes.MAX_EVALUATED_LENGTH}.",
        )
    return keys


def limit_exceeded(transformed: Transformed, limit: int) -> Failed:
    """Return the outcome of a record whose partition would exceed the limit of active partitions."""
    return Failed(
        transformed.record,
        "DynamicPartitioning.ActivePartitionsLimitExceeded",  # SEEN; the text is ours
        f"The delivery stream already has {limit} active partitions.",
        error_output_type=prefixes.ACTIVE_PARTITION_EXCEEDED,
    )


def _keys(returned: Any, prefix: prefixes.Prefix, namespace: str) -> PartitionKeys | None:
    """Return the keys of a namespace that the prefix names, or None when one of them cannot be used."""
    names = prefix.keys(namespace)
    if not names:
        return ()
    if not isinstance(returned, dict) or not set(names) <= returned.keys():
        return None
    if not all(_is_usable(value) for value in returned.values()):
        return None
    return tuple((name, returned[name]) for name in names)


def _is_usable(value: Any) -> bool:
    """Return whether a value can be in an S3 key: text, not empty, without the lone surrogates of JSON."""
    return isinstance(value, str) and value != "" and not any("\ud800" <= c <= "\udfff" for c in value)


def _extraction_failed(transformed: Transformed, message: str) -> Failed:
    return Failed(
        transformed.record,
        "DynamicPartitioning.MetadataExtractionFailed",
        message,
        error_output_type=prefixes.METADATA_EXTRACTION_FAILED,
    )
