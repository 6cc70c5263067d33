"""The items of a sample, read once from their source and kept aside for a second look.

A source is read once, because a scan costs read units. What is decided later (the TTL attribute, the columns)
is then tried on the same items. They are kept in memory up to a limit, beyond it in a temporary file without
a name, so that memory is bounded and nothing is left behind.
"""

from collections.abc import Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Self

from msgspec.json import Decoder, Encoder

from ttl_archive.infra.evidence.item_sources import ItemSource
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.items.item_reader import ItemFileError

MEMORY_BYTES = 32 * 1024 * 1024
_encode = Encoder().encode
_decode = Decoder(Item).decode


class SampleStore:
    """The first items of a source, at most `limit`. It can be read any number of times, until it is closed.

    `place` and `total` are the source's. `is_all` says that the source has no further item.
    """

    def __init__(self, source: ItemSource, limit: int) -> None:
        self.place, self.total = source.place, source.total
        self.count, self.is_all = 0, False
        self._source, self.limit = source, limit
        self._file = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115  closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def fill(self) -> Iterator[Item]:
        """Read the source, and yield each item when it is kept.

        Raises what the source raises, and ItemFileError for a text that is not Unicode, which no item of a
        table can hold.
        """
        items = iter(self._source.items)
        for item in islice(items, self.limit):
            self.count += 1
            try:
                self._file.write(_encode(item) + b"\n")
            except UnicodeEncodeError:
                raise ItemFileError(
                    f"{self.place}, item {self.count}: a text has half of a surrogate pair, which is not "
                    "Unicode. Correct the file"
                ) from None
            yield item
        self.is_all = next(items, None) is None

    def __iter__(self) -> Iterator[Item]:
        self._file.seek(0)
        for line in self._file:
            yield _decode(line)

    def extent(self) -> str:
        """Return how much of the source was seen, as a phrase: 10,000 items of about 1,234,567."""
        items = f"{self.count:,} item" + ("" if self.count == 1 else "s")
        if self.is_all:
            return f"{items}, all of {self.place}"
        of = f" of about {self.total:,}" if self.total and self.total > self.count else ""
        return f"{items}{of} in {self.place}, which has more. To read more: --limit"
