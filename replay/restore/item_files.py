"""The staged items as a file: JSONL, CSV, or the DynamoDB JSON that DynamoDB's own import from S3 takes."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ttl_archive.replay.restore.archived_rows import Item
from ttl_archive.replay.restore.where import Row
from ttl_archive.transform.settings import REST_COLUMN

FORMATS = ("jsonl", "csv", "dynamodb-json")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def staged_row(row: Row) -> str:
    """A row as the text it is staged as; numbers keep their digits."""
    return _encode(row).decode()


def staged_item(item: Item) -> str:
    """An item as the text it is staged as."""
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


def write_jsonl(lines: Iterable[str], columns: Sequence[str], file: TextIO) -> int:  # noqa: ARG001
    """One row a line, every column."""
    return _write_lines(lines, file)


def write_dynamodb_json(lines: Iterable[str], columns: Sequence[str], file: TextIO) -> int:  # noqa: ARG001
    """One item a line, as DynamoDB exports it. Source: DynamoDB Developer Guide, S3DataImport.Format."""
    return _write_lines((f'{{"Item":{line}}}' for line in lines), file)


def write_csv(lines: Iterable[str], columns: Sequence[str], file: TextIO) -> int:
    """A header and RFC 4180 cells; what has no column stands in ddb_rest, as JSON. NULL is an empty cell."""
    names = [name for name in columns if name != REST_COLUMN]
    writer = csv.writer(file)
    writer.writerow([*names, REST_COLUMN])
    written = 0
    for line in lines:
        row = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        cells = [_cell(row.pop(name, None)) for name in names]
        writer.writerow([*cells, _encode(row).decode() if row else ""])
        written += 1
    return written


WRITERS: dict[str, Callable[[Iterable[str], Sequence[str], TextIO], int]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "dynamodb-json": write_dynamodb_json,
}


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A file that appears when it is whole, gzip if its name ends so; "-" is stdout."""
    if str(path) == "-":
        yield sys.stdout
        return
    part = path.with_name(path.name + ".part")
    with part.open("wb") as raw:
        packed = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) if path.suffix == ".gz" else None
        with io.TextIOWrapper(packed or raw, encoding="utf-8", newline="") as text:
            yield text
            text.flush()
            if packed:
                packed.close()
    part.replace(path)


def _write_lines(lines: Iterable[str], file: TextIO) -> int:
    written = 0
    for line in lines:
        file.write(line + "\n")
        written += 1
    return written


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return _encode(value).decode()
