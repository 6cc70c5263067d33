"""The bytes of an archived object -> its lines, decompressed, in bounded memory and linear time."""

from collections.abc import Iterable, Iterator

from ttl_archive.replay.gunzip import DamagedGzipError, inflated

# The largest legal row, 7.8 million bytes, holds an item of 400 KB with two images and the lossless image as
# text: a list of empty strings, or control characters. Twice that, rounded up.
# Source: DynamoDB Developer Guide, constraints (400 KB); the test builds these rows.
LINE_BYTES = 16_777_216


class UnreadableLine(str):
    """The code that says why a line could not be had: TooLong, TruncatedGzip or DamagedGzip."""

    __slots__ = ()


def row_lines(chunks: Iterable[bytes]) -> Iterator[bytes | UnreadableLine]:
    """Yield each line without its newline. Of a line over LINE_BYTES only the code is yielded."""
    parts: list[bytes] = []
    size = 0
    try:
        for chunk in inflated(chunks):
            *ended, rest = chunk.split(b"\n")
            if ended and size:
                yield _line([*parts, ended[0]], size + len(ended[0]))
                parts, size = [], 0
                del ended[0]
            for end in ended:
                yield end if len(end) <= LINE_BYTES else UnreadableLine("TooLong")
            size += len(rest)
            if size > LINE_BYTES:
                parts = []
            elif rest:
                parts.append(rest)
    except DamagedGzipError as damage:
        yield UnreadableLine(damage.code)
        return
    if size:
        yield _line(parts, size)


def _line(parts: list[bytes], size: int) -> bytes | UnreadableLine:
    return b"".join(parts) if size <= LINE_BYTES else UnreadableLine("TooLong")
