"""What Firehose stores for each CompressionFormat.

Source: FLOCI #2328, which compared with AWS's objects byte by byte; FDG: s3-object-name for extensions.
"""

from __future__ import annotations

import gzip
import io
import struct
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

# xerial snappy-java: its stream begins with this, a version and the lowest compatible version, both 1.
_XERIAL_HEAD = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK_BYTES = 32 * 1024  # snappy-java: SnappyOutputStream's default block size
_HADOOP_BLOCK_BYTES = 256 * 1024  # Hadoop: io.compression.codec.snappy.buffersize


@dataclass(frozen=True)
class Compression:
    """An object's default extension, its Content-Encoding (empty for none), and how it is compressed."""

    extension: str
    content_encoding: str
    compress: Callable[[bytes, Callable[[], uuid.UUID]], bytes]


def _zip(body: bytes, uuids: Callable[[], uuid.UUID]) -> bytes:
    """Return a ZIP archive of one deflated entry named with a UUID (FLOCI probe), with a fixed date."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as entries:
        entries.writestr(zipfile.ZipInfo(str(uuids())), body, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _xerial(body: bytes, _: Callable[[], uuid.UUID]) -> bytes:
    """Return a snappy-java stream: the head, then each block's length and its bytes in raw Snappy."""
    return _XERIAL_HEAD + b"".join(_chunk(block) for block in _blocks(body, _XERIAL_BLOCK_BYTES))


def _hadoop(body: bytes, _: Callable[[], uuid.UUID]) -> bytes:
    """Return Hadoop's framing: for each block its plain length, then its compressed length and bytes."""
    blocks = _blocks(body, _HADOOP_BLOCK_BYTES)
    return b"".join(struct.pack(">i", len(block)) + _chunk(block) for block in blocks)


def _chunk(block: bytes) -> bytes:
    compressed = bytes(_snappy().compress_raw(block))
    return struct.pack(">i", len(compressed)) + compressed


def _blocks(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def _snappy() -> ModuleType:
    # Loaded when it is needed, because few delivery streams compress with Snappy.
    from cramjam import snappy

    return snappy


COMPRESSIONS = {
    "UNCOMPRESSED": Compression("", "", lambda body, _: body),
    "GZIP": Compression(".gz", "gzip", lambda body, _: gzip.compress(body, mtime=0)),
    "ZIP": Compression(".zip", "zip", _zip),
    "Snappy": Compression(".snappy", "snappy-java", _xerial),
    # FDG's table says .hsnappy; the objects have .snappy (FLOCI #2328).
    "HADOOP_SNAPPY": Compression(".snappy", "hadoop-snappy", _hadoop),
}
