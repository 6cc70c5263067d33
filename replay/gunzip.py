"""Bytes that may be gzip, in one member or several, recognised by their first two; in bounded memory."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

CHUNK_BYTES = 1 << 20
# Input goes to zlib in pieces of this size: zlib copies what a member leaves over, so with larger pieces a
# file of very many tiny members would take time quadratic in the piece.
_INPUT_BYTES = 16 << 10
_GZIP = b"\x1f\x8b"


class DamagedGzipError(Exception):
    """The gzip data is truncated or damaged; `code` is TruncatedGzip or DamagedGzip."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the decompressed bytes, or the bytes themselves when they are not gzip.

    A chunk that comes out has at most CHUNK_BYTES bytes, whatever the ratio. Zero bytes after a member are
    padding. Raises DamagedGzipError after the last byte that could be decompressed.
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
    yield from _members(_pieces(start, chunks))


def _members(pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=31)
    data = next(pieces)
    while True:
        try:
            output = inflate.decompress(data, CHUNK_BYTES)
        except zlib.error:
            raise DamagedGzipError("DamagedGzip") from None
        yield output
        data = inflate.unconsumed_tail
        if len(output) == CHUNK_BYTES:
            continue  # there may be more output, even without more input
        if inflate.eof and (data := inflate.unused_data.lstrip(b"\0")):
            inflate = zlib.decompressobj(wbits=31)
        data = data or next(pieces, b"")
        if data:
            continue
        if not inflate.eof:
            raise DamagedGzipError("TruncatedGzip")
        return


def _pieces(start: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chain((start,), chunks):
        for at in range(0, len(chunk), _INPUT_BYTES):
            yield chunk[at : at + _INPUT_BYTES]
