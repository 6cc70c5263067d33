"""One record's bytes -> a row, or the rule by which it is dropped: no clock, no network, no log.

The same bytes make the same row, whatever came before them. What is remembered only makes it faster.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import decoded
from ttl_archive.transform.records import ChangeRecord, event_us, parse_record, row_image, timestamp_text
from ttl_archive.transform.rows import row_writer
from ttl_archive.transform.selection import drop_rules, removed_by, ttl_had_passed
from ttl_archive.transform.settings import Settings


class Row(Struct, frozen=True, gc=False):
    """One line of the archive, and the time of its change in microseconds since 1970."""

    line: bytes
    event_us: int

    @property
    def date(self) -> str:
        """The UTC date of the change as in the names of the archive's folders: 2026-11-21."""
        return timestamp_text(self.event_us)[:10]


@dataclass(frozen=True, slots=True)  # not a Struct: isinstance would take twice as long
class Drop:
    """A change that the settings do not keep, and the rule that decided it."""

    rule: str


Convert = Callable[[bytes], Row | Drop]


def converter(settings: Settings) -> Convert:
    """Return the function that turns a source record's data into a Row or a Drop.

    It raises RecordError for what is not a well-formed change record of the table: damage is never dropped.
    The images of a dropped change are checked to be JSON and not decoded.
    """
    write_row = row_writer(settings)
    drops = {kind: Drop(rule) for kind, rule in drop_rules(settings).items()}
    table = settings.table
    infer_replica_ttl = settings.select.infer_replica_ttl

    def expired(change: ChangeRecord, data: bytes, us: int) -> bool:
        return ttl_had_passed(decoded(row_image(change, data)), table.ttl_attribute, us)

    def convert(data: bytes) -> Row | Drop:
        change = parse_record(data)
        if change.table_name != table.name and change.table() not in (table.name, None):
            raise RecordError("OtherTable")
        us = event_us(change.dynamodb)
        by = removed_by(change)
        if infer_replica_ttl and by == "user" and expired(change, data, us):
            by = "ttl-inferred"
        if by in drops:
            return drops[by]
        return Row(write_row(data, change, us, by), us)

    return convert
