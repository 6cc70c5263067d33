"""The entry that Lambda calls for a batch of a DynamoDB stream. The cold start reads archive.toml."""

import os

from ttl_archive.transform.forwarder import batch_forwarder
from ttl_archive.transform.refusals import error_objects
from ttl_archive.transform.reingest import client_for, delivery_stream
from ttl_archive.transform.settings import load

DELIVERY_STREAM_VARIABLE = "TTL_ARCHIVE_DELIVERY_STREAM"
BUCKET_VARIABLE = "TTL_ARCHIVE_BUCKET"

handler = batch_forwarder(
    load(),
    delivery_stream(client_for("firehose"), os.environ[DELIVERY_STREAM_VARIABLE]),
    error_objects(client_for("s3"), os.environ[BUCKET_VARIABLE]),
)
