"""The entry that Lambda calls for a batch of a queue. The cold start reads archive.toml."""

import os

from ttl_archive.transform.ingest import batch_ingester, table_writer
from ttl_archive.transform.ingest_dead_letters import DEAD_LETTER_QUEUE_VARIABLE, dead_letter_queue
from ttl_archive.transform.ingest_settings import required_ingest
from ttl_archive.transform.reingest import client_for
from ttl_archive.transform.settings import load

_settings = load()

handler = batch_ingester(
    _settings,
    required_ingest(_settings),
    table_writer(client_for("dynamodb"), _settings.table.name),
    dead_letter_queue(client_for("sqs"), os.environ[DEAD_LETTER_QUEUE_VARIABLE]),
)
