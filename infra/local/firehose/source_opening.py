"""Opens the source of a delivery stream when it is created."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.local.firehose.checkpoints import Checkpoints
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.service_error import invalid_argument
from ttl_archive.infra.local.firehose.source import DirectPut, KinesisShards, Source


def open_source(
    kinesis: Any,
    stream_arn: str | None,
    clock: Clock,
    uuids: Callable[[], uuid.UUID],
    checkpoints: Checkpoints,
) -> Source:
    """Return the shards of a Kinesis data stream, or a Direct PUT source without one.

    It reads on where the checkpoints say. Raises ServiceError for a stream that cannot be read.
    """
    if stream_arn is None:
        return DirectPut(clock, uuids)
    if kinesis is None:
        raise invalid_argument("KinesisStreamAsSource needs a Kinesis client: Firehose(kinesis=...).")
    try:
        return KinesisShards(kinesis, stream_arn, clock, checkpoints.resume())
    except ClientError as error:
        detail = error.response["Error"]
        raise invalid_argument(
            f"{stream_arn} cannot be read: {detail['Code']}, {detail.get('Message', '')}"
        ) from error
