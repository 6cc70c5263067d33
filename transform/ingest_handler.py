"""The entry that Lambda calls for a batch of a queue. The cold start reads archive.toml."""

import os

from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.ingest import (
    DEAD_LETTER_QUEUE_VARIABLE,
    batch_ingester,
    dead_letter_queue,
    table_writer,
)
from ttl_archive.transform.ingest_settings import load_ingest
from ttl_archive.transform.reingest import client_for
from ttl_archive.transform.settings import load

_settings = load()
_ingest = load_ingest(_settings)
if _ingest is None:
    raise SettingsError(
        _settings.file, ["the section [ingest] is missing. It says how readings become items"]
    )

handler = batch_ingester(
    _settings,
    _ingest,
    table_writer(client_for("dynamodb"), _settings.table.name),
    dead_letter_queue(client_for("sqs"), os.environ[DEAD_LETTER_QUEUE_VARIABLE]),
)
