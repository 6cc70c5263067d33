"""Files of items, in any of the forms, read one line at a time.

A line ends at a newline only. A document that spans lines, such as pretty-printed output of
`aws dynamodb scan`, is read as a whole. Files may be compressed with gzip.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ttl_archive.replay.items import export_manifest
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.items.item_forms import Form, NotAnItemError, form_of, items_of, parse_item
from ttl_archive.transform.errors import ArchiveError

_EXAMPLE = '{"pk": {"S": "a"}, "expires": {"N": "1767225600"}}'
_GZIP = b"\x1f\x8b"


class ItemFileError(ArchiveError):
    """A file of items cannot be used; the text names the file, and the line where there is one."""


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A file, the form of its items, and the items, which are read when they are asked for."""

    path: Path
    form: Form
    items: Iterator[Item]


def item_files(paths: Sequence[Path]) -> Iterator[ItemFile]:
    """Yield each file that holds items, in order; a manifest stands for the data files that it names.

    An empty data file of an export is passed over. Raises ItemFileError, also while items are read.
    """
    for path in paths:
        if path.name.endswith((".ion", ".ion.gz")):
            raise ItemFileError(f"{path} is in Ion. Export the table again in the format DYNAMODB_JSON")
        opened = _open(path)
        if opened is None:
            raise ItemFileError(f"{path} has no item. Write one item a line, such as {_EXAMPLE}")
        if export_manifest.is_manifest(opened.first):
            yield from _of_manifest(path)
        else:
            yield ItemFile(path, opened.form(), opened.items())


@dataclass(slots=True)
class _Opened:
    """A file whose first line is read: `first` is that line's JSON value, or the whole document's."""

    path: Path
    number: int
    first: Any
    rest: Iterator[tuple[int, str]]

    def form(self) -> Form:
        with _named(self.path, self.number):
            return form_of(self.first)

    def items(self) -> Iterator[Item]:
        form = self.form()
        with _named(self.path, self.number):
            yield from items_of(self.first, form)
        for number, line in self.rest:
            with _named(self.path, number):
                yield from items_of(parse_item(line), form)


def _open(path: Path) -> _Opened | None:
    """Read the first line of a file; None when there is nothing but white space."""
    lines = _lines(path)
    number, line = next(lines, (0, ""))
    if not line:
        return None
    try:
        return _Opened(path, number, parse_item(line), lines)
    except NotAnItemError as first_error:
        document = "\n".join(text for _, text in chain([(number, line)], lines))
        with suppress(NotAnItemError):
            return _Opened(path, number, parse_item(document), iter(()))
        raise _at(path, number, first_error) from None


@contextmanager
def _named(path: Path, number: int) -> Iterator[None]:
    """Name the line in what is raised."""
    try:
        yield
    except NotAnItemError as error:
        raise _at(path, number, error) from None


def _of_manifest(path: Path) -> Iterator[ItemFile]:
    try:
        for data_file in export_manifest.data_files(path):
            found = Path(data_file.file.name)
            opened = _open(found)
            if opened is not None:
                yield ItemFile(found, opened.form(), _counted(opened, data_file.item_count))
            elif data_file.item_count:
                raise _miscounted(found, 0, data_file.item_count)
    except NotAnItemError as error:
        raise ItemFileError(f"{path}: {error}") from None


def _counted(opened: _Opened, expected: int) -> Iterator[Item]:
    """Yield the items; the manifest's count is of lines, so it is compared where each line is an item."""
    count = 0
    for count, item in enumerate(opened.items(), 1):  # noqa: B007  counted for the comparison below
        yield item
    if opened.form() is Form.FULL_EXPORT and count != expected:
        raise _miscounted(opened.path, count, expected)


def _miscounted(path: Path, count: int, expected: int) -> ItemFileError:
    return ItemFileError(f"{path} has {count} items, and its manifest says {expected}. Copy it again")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers from 1."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            for number, line in enumerate(gzip.GzipFile(fileobj=raw) if packed else raw, 1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield number, text.rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ItemFileError(f"{path} cannot be read: {reason}") from None


def _at(path: Path, number: int, error: NotAnItemError) -> ItemFileError:
    return ItemFileError(f"{path}, line {number} is not an item, such as {_EXAMPLE}: {error}")
