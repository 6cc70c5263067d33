"""The lines of one data file, verified by what its manifest says of it."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator

from ttl_archive.replay.items.export_manifest import DataFile, differs
from ttl_archive.replay.items.item_forms import NotAnItemError
from ttl_archive.replay.restore.row_lines import UnreadableLine, row_lines
from ttl_archive.transform.errors import RecordError

_DAMAGE = {
    "TruncatedGzip": "it ends within its gzip data",
    "DamagedGzip": "its gzip data is damaged",
}
CountRead = Callable[[int, int], None]  # called with so many lines, and so many bytes


def verified_lines(data: DataFile, progress: CountRead) -> Iterator[bytes | UnreadableLine]:
    """Yield the lines, a line that is too long as its code. Believe them only when the iteration has ended.

    Raises NotAnItemError, at the end at the latest, when the file is damaged, or has another MD5 or another
    number of lines than its manifest says. Raises OSError or ObjectError as reading does.
    """
    digest = hashlib.md5(usedforsecurity=False)

    def counted() -> Iterator[bytes]:
        for chunk in data.file.chunks():
            digest.update(chunk)
            progress(0, len(chunk))
            yield chunk

    count = 0
    for line in row_lines(counted()):
        if isinstance(line, UnreadableLine) and line in _DAMAGE:
            raise NotAnItemError(f"{data.file.name}: {_DAMAGE[line]}. Copy it again")
        count += 1
        yield line
    if data.md5 not in (None, found := b64encode(digest.digest()).decode()):
        raise differs(data, found)
    if count != data.item_count:
        raise NotAnItemError(
            f"{data.file.name} has {count:,} items, and its manifest says {data.item_count:,}. Copy it again"
        )


def readable(line: bytes | UnreadableLine) -> bytes:
    """Return the line. Raises RecordError `TooLong`."""
    if isinstance(line, UnreadableLine):
        raise RecordError(line)
    return line
