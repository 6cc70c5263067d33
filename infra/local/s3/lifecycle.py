"""Lifecycle transitions by the bucket's own rules and the clock. moto stores the rules and does nothing.

Source: S3 User Guide, "Lifecycle configuration elements" and "Transitioning objects". Only transitions
are done, because the archive expires nothing. Not handled: versions, tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ttl_archive.infra.local.firehose.clock import Clock

# S3U: since September 2024 smaller objects are not moved, unless the configuration was put with
# TransitionDefaultMinimumObjectSize=varies_by_storage_class or the rule has a size filter.
MINIMUM_BYTES = 128 * 1024
# From the most to the least expensive. S3U: when several transitions are due, the least expensive class
# wins; objects never move back.
CLASSES = (
    "STANDARD",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)

CreationTime = Callable[[str], datetime | None]


@dataclass(frozen=True)
class LifecycleObject:
    """What the rules depend on."""

    key: str
    size_bytes: int
    storage_class: str
    created: datetime


@dataclass(frozen=True)
class Transition:
    """An object and the class it moves to."""

    key: str
    storage_class: str


def apply_lifecycle(
    s3: Any,
    bucket: str,
    clock: Clock,
    *,
    configuration: Mapping[str, Any] | None = None,
    created: CreationTime | None = None,
) -> list[Transition]:
    """Move what is due now, and return what was moved.

    `configuration` are the arguments of put_bucket_lifecycle_configuration. Give it for rules with size
    filters or small objects, because moto 5.2.5 keeps neither; otherwise the bucket is asked.
    `created` returns when an object was created by `clock`, or None. The emulator's LastModified counts
    otherwise, which is the machine's time.
    """
    if configuration is None:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
        configuration = {**rules, "LifecycleConfiguration": {"Rules": rules["Rules"]}}
    moved = list(due(_stored(s3, bucket, created), configuration, clock.now()))
    for transition in moved:
        _move(s3, bucket, transition)
    return moved


def due(
    objects: Iterable[LifecycleObject], configuration: Mapping[str, Any], now: datetime
) -> Iterator[Transition]:
    """Yield the transitions that are due, at most one for each object."""
    small_too = configuration.get("TransitionDefaultMinimumObjectSize") == "varies_by_storage_class"
    rules = [rule for rule in configuration["LifecycleConfiguration"]["Rules"] if rule["Status"] == "Enabled"]
    for stored in objects:
        classes = [
            transition["StorageClass"]
            for rule in rules
            if _covers(rule, stored, small_too)
            for transition in rule.get("Transitions", ())
            if _time_of(transition, stored) <= now
        ]
        coldest = max(classes, key=CLASSES.index, default=stored.storage_class)
        if CLASSES.index(coldest) > CLASSES.index(stored.storage_class):
            yield Transition(stored.key, coldest)


def _covers(rule: Mapping[str, Any], stored: LifecycleObject, small_too: bool) -> bool:
    given = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    conditions = given.get("And", given)
    if "Tags" in conditions or "Tag" in conditions:
        raise NotImplementedError(f"Lifecycle rule {rule.get('ID', '')!r} selects by tag. Select by prefix.")
    # Both bounds are exclusive (S3U).
    least = conditions.get("ObjectSizeGreaterThan", -1)
    most = conditions.get("ObjectSizeLessThan", float("inf"))
    sized = "ObjectSizeGreaterThan" in conditions or "ObjectSizeLessThan" in conditions
    large_enough = small_too or sized or stored.size_bytes >= MINIMUM_BYTES
    in_bounds = least < stored.size_bytes < most
    return stored.key.startswith(conditions.get("Prefix", "")) and in_bounds and large_enough


def _time_of(transition: Mapping[str, Any], stored: LifecycleObject) -> datetime:
    """Return creation plus Days, rounded up to the next midnight UTC (S3U: intro-lifecycle-rules)."""
    if "Date" in transition:
        return datetime.fromisoformat(str(transition["Date"])).astimezone(UTC)
    exact = stored.created + timedelta(days=transition["Days"])
    midnight = exact.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == exact else midnight + timedelta(days=1)


def _stored(s3: Any, bucket: str, created: CreationTime | None) -> Iterator[LifecycleObject]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", ()):
            key = entry["Key"]
            since = (created and created(key)) or entry["LastModified"].astimezone(UTC)
            yield LifecycleObject(key, entry["Size"], entry.get("StorageClass", "STANDARD"), since)


def _move(s3: Any, bucket: str, transition: Transition) -> None:
    """Move an object by a copy onto itself, which is the API's way; S3 changes the class in place."""
    key = transition.key
    if s3.head_object(Bucket=bucket, Key=key).get("StorageClass") == "GLACIER":
        # A copy cannot read the archived object; the service needs no restore for DEEP_ARCHIVE.
        s3.restore_object(Bucket=bucket, Key=key, RestoreRequest={"Days": 1})
    s3.copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": bucket, "Key": key},
        StorageClass=transition.storage_class,
        MetadataDirective="COPY",
    )
