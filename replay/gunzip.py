"""Bytes that may be gzip, in one member or in several, by their first two bytes; in bounded memory."""

import zlib
from collections.abc import Iterable, Iterator

CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


class DamagedGzipError(Exception):
    """The gzip ends before its end, or is wrong; `code` is TruncatedGzip or DamagedGzip."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes themselves, or what is in them when they are gzip.

    Raises DamagedGzipError after the last byte that could be had.
    """
    chunks = iter(chunks)
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= len(_GZIP):
            break
    if start[:2] != _GZIP:
        yield start
        yield from chunks
        return
    yield from _members(start, chunks)


def _members(start: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=31)
    data = start
    while True:
        try:
            inflated = inflate.decompress(data, CHUNK_BYTES)
        except zlib.error:
            raise DamagedGzipError("DamagedGzip") from None
        yield inflated
        data = inflate.unconsumed_tail
        if len(inflated) == CHUNK_BYTES:
            continue  # there may be more, even without more input
        if inflate.eof and (data := inflate.unused_data.lstrip(b"\0")):
            inflate = zlib.decompressobj(wbits=31)
        data = data or next(chunks, b"")
        if data:
            continue
        if not inflate.eof:
            raise DamagedGzipError("TruncatedGzip")
        return
