"""Rows packed into Firehose records, and put in their order.

Firehose bills each record as a multiple of 5 KiB and stores its bytes as they are, so rows that share a
record cost less, and each stays a line because it ends with a newline.
Source: Amazon Data Firehose Developer Guide, limits; basic-deliver.
"""

from collections.abc import Iterable, Iterator

from ttl_archive.transform.forward_tally import ForwardTally
from ttl_archive.transform.limits import FIREHOSE_RECORD_BYTES, Entry, batches
from ttl_archive.transform.reingest import Target, TimeLeft, reingest


def pack_rows(rows: Iterable[tuple[int, bytes]], max_bytes: int = FIREHOSE_RECORD_BYTES) -> Iterator[Entry]:
    """Yield entries that hold as many rows as fit, in their order, each with the position of its first row.

    A row is given as its position and its line, which must not exceed `max_bytes`.
    """
    first, lines, size = 0, list[bytes](), 0
    for position, line in rows:
        if lines and size + len(line) > max_bytes:
            yield Entry(first, b"".join(lines))
            lines, size = [], 0
        if not lines:
            first = position
        lines.append(line)
        size += len(line)
    if lines:
        yield Entry(first, b"".join(lines))


def put_in_order(
    target: Target, entries: Iterable[Entry], time_left: TimeLeft, tally: ForwardTally
) -> int | None:
    """Put the entries, call by call, and return the first position that is not confirmed, or None.

    It stops there, because everything after that position is delivered again.
    """
    for batch in batches(entries, target.max_records, target.max_bytes):
        confirmed, errors = reingest(target, batch, time_left)
        tally.put_errors += errors
        for entry in batch:
            if entry.position in confirmed:
                tally.confirm(entry)
        unconfirmed = [entry.position for entry in batch if entry.position not in confirmed]
        if unconfirmed:
            return unconfirmed[0]
    return None
