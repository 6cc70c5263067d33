"""Which rows are the same change, as digests: the rule of infra/sql/change_identity.py, without SQL.

Two rows have the same `change` when one is a copy of the other. Two rows of a TTL removal have the same
`removal` also when one came by Kinesis and the other by the Streams road.
"""

import json
from hashlib import blake2b
from typing import NamedTuple

from ttl_archive.replay.restore.archived_rows import ArchivedRow
from ttl_archive.transform.settings import METADATA_COLUMNS, Settings

_BY_TTL = (b'"ttl"', b'"ttl-inferred"')
_SECOND_US = 1_000_000


class RemovalIdentity(NamedTuple):
    """The digests of a TTL removal. `is_whole_second`: the Streams feed counts in seconds."""

    change: bytes
    removal: bytes
    event_us: int
    is_whole_second: bool


def is_ttl_removal(row: ArchivedRow) -> bool:
    """Whether the row says that TTL removed the item."""
    return bytes(row.columns.get("ddb_removed_by", b"")) in _BY_TTL


def removal_identity(row: ArchivedRow, settings: Settings) -> RemovalIdentity:
    """Return the digests of a row that is a TTL removal."""
    output = settings.output
    holds_all = output.row == "envelope" or output.format == "csv"
    whole = row.event_us % _SECOND_US == 0
    needs_content = output.row == "envelope" or not row.image_text
    content = _content(row) if needs_content else b""
    needs_id = whole or not (holds_all or row.image_text)
    event_id = bytes(row.columns.get("ddb_event_id", b"")) if needs_id else b""
    image = row.image_text.encode()
    change = _digest(str(row.event_us).encode(), event_id, image, content)
    comparable = holds_all or bool(row.image_text)
    second = str(row.event_us // _SECOND_US).encode()
    removal = _digest(b"s", second, image, content) if comparable else change
    return RemovalIdentity(change, removal, row.event_us, whole)


def _content(row: ArchivedRow) -> bytes:
    texts = {name: bytes(raw).decode() for name, raw in row.columns.items() if name not in METADATA_COLUMNS}
    return json.dumps(texts, sort_keys=True).encode()


def _digest(*parts: bytes) -> bytes:
    text = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return blake2b(text, digest_size=16).digest()
