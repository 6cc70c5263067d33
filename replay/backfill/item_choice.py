"""Which lines of an export become rows: the judgement of one line.

choice    rows                                                    left, counted by rule
expired   items that had expired by the export's time             not-expired, deleted
all       every item                                              deleted

An item has expired as the TTL process counts it: see transform/selection, ttl_had_passed. A deletion has no
image of the item as it was last: its old image is from before the export's window.
"""

from collections.abc import Callable
from enum import StrEnum

from ttl_archive.replay.backfill.exported_rows import exported_row_writer
from ttl_archive.replay.items.export_lines import parse_exported
from ttl_archive.replay.items.export_manifest import Export
from ttl_archive.transform.convert import Drop, Row
from ttl_archive.transform.flatten import decoded
from ttl_archive.transform.selection import ttl_had_passed
from ttl_archive.transform.settings import Settings


class Choice(StrEnum):
    """Which items of an export are archived."""

    EXPIRED = "expired"
    ALL = "all"


NOT_EXPIRED, DELETED = Drop("not-expired"), Drop("deleted")
JudgeLine = Callable[[bytes, str], Row | Drop]


def line_judge(settings: Settings, export: Export, choice: Choice) -> JudgeLine:
    """Return the function from a line and its event id to its row, or to the rule that leaves it out.

    The row's time is that of the last write, which an incremental export has, else the export's time. Its
    date folder is the UTC date of that time, as with a replayed record. The function raises RecordError for a
    line that cannot become a row.
    """
    parse, write = parse_exported(export.form), exported_row_writer(settings)
    ttl_attribute, expired_only = settings.table.ttl_attribute, choice is Choice.EXPIRED

    def judge_line(line: bytes, event_id: str) -> Row | Drop:
        found = parse(line)
        if found.image is None:
            return DELETED
        if expired_only and not ttl_had_passed(decoded(found.image), ttl_attribute, export.time_us):
            return NOT_EXPIRED
        us = export.time_us if found.written_us is None else found.written_us
        return write(found.image, found.keys, event_id, us)

    return judge_line
