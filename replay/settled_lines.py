"""The lines of an error object that are not judged again: a stream has confirmed them, or they are waived."""

import hashlib

from ttl_archive.replay.claim_document import ClaimDocument
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable
from ttl_archive.replay.line_ranges import LineRanges


class SettledLines:
    """What the claim of an object says of its lines; without a claim nothing is settled."""

    def __init__(self, document: ClaimDocument | None) -> None:
        sent = document.progress.sent.values() if document else ()
        self._sent = LineRanges(each for lines in sent for each in lines)
        self._waived = document.waived() if document else {}

    def is_sent(self, record: FailedRecord | Unreadable) -> bool:
        """Whether a stream has confirmed the record."""
        return record.number in self._sent

    def is_waived(self, record: FailedRecord | Unreadable) -> bool:
        """Whether an operator has waived this record: the line's number and hash are those of the waiver."""
        expected = self._waived.get(record.number)
        return expected is not None and expected == record_hash(record)


def record_hash(record: FailedRecord | Unreadable) -> str:
    """Return the sha256 of the bytes of an error line, hexadecimal."""
    return hashlib.sha256(record.content).hexdigest()
