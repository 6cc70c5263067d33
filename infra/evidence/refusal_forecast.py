"""What the transform would make of each item of a sample: its own code runs on a removal of the item.

Each item becomes the change record of its removal by TTL, as the Kinesis feed carries it. The verdict is the
transform's: the row's line, or the code of the refusal. No rule of the transform is repeated here.
"""

import uuid
import zlib
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ttl_archive.infra.evidence.attribute_evidence import walk_attributes
from ttl_archive.infra.local.dynamodb.change_record import TTL_IDENTITY, change_record
from ttl_archive.replay.causes import Cause, Explain, explainer
from ttl_archive.replay.error_objects.error_lines import ErrorLine, FailedRecord
from ttl_archive.replay.items.attribute_values import Item, for_boto3
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform.convert import Drop, Row, converter
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.limits import Answer, fits_alone
from ttl_archive.transform.settings import Settings, Table

# AWS documents no length of a record id. It matters only to a row that is within bytes of the limit.
_RECORD_ID = "0" * 80
# The partition key counts as a part of a record. Source: Kinesis Data Streams Developer Guide, large-records.
_PARTITION_KEY_BYTES = 32
_MAX_EXPLAINED = 200  # kinds of refused items; the others are counted by their code
ROW, SKIPPED = "row", "skipped"
OVERSIZED_ROW = "RowTooLarge"  # the transform's code, see transform/overflow.py


@dataclass(slots=True)
class RefusalForecast:
    """What becomes of the items when TTL removes them, with one configuration.

    `refused` counts by code and by the attributes to blame; `skipped` are records that exceed the data
    stream's largest record, which DynamoDB skips. Bytes are sums over all items: of the change records, of
    the rows, and of the rows compressed with gzip.
    """

    items: int = 0
    rows: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped: int = 0
    record_bytes: int = 0
    row_bytes: int = 0
    gzip_bytes: int = 0

    @property
    def refused_items(self) -> int:
        """The number of items that the transform refuses."""
        return self.refused.total()

    @property
    def codes(self) -> Counter[str]:
        """The number of refused items by code."""
        codes: Counter[str] = Counter()
        for (code, _), count in self.refused.items():
            codes[code] += count
        return codes


class Forecaster:
    """Adds items to a forecast. `max_record_bytes` is the largest record of the data stream."""

    def __init__(self, settings: Settings, max_record_bytes: int) -> None:
        self.forecast = RefusalForecast()
        # Whatever a removal is dropped for, its row is the same.
        settings = replace(settings, select=replace(settings.select, changes="all"))
        self._settings, self._max_record_bytes = settings, max_record_bytes
        self._convert = converter(settings)
        self._causes = CauseFinder(explainer(settings))
        self._gzip = zlib.compressobj(wbits=31)

    def add(self, item: Item, record: bytes) -> str:
        """Count an item with the record of its removal; return ROW, SKIPPED, or the code of its refusal."""
        forecast = self.forecast
        forecast.items += 1
        forecast.record_bytes += len(record)
        if len(record) + _PARTITION_KEY_BYTES > self._max_record_bytes:
            forecast.skipped += 1
            return SKIPPED
        try:
            row = self._convert(record)
        except RecordError as error:
            return self._refuse(error.code, self._causes.find(item, record, error.code))
        if isinstance(row, Drop) or not _fits(row, self._settings):  # with changes = "all" nothing is dropped
            return self._refuse(OVERSIZED_ROW)
        forecast.rows += 1
        forecast.row_bytes += len(row.line)
        forecast.gzip_bytes += len(self._gzip.compress(row.line))
        return ROW

    def finish(self) -> RefusalForecast:
        """Return the forecast, with the rest of the compressed bytes."""
        self.forecast.gzip_bytes += len(self._gzip.flush())
        return self.forecast

    def _refuse(self, code: str, attributes: str = "") -> str:
        self.forecast.refused[code, attributes] += 1
        return code


def removal_record(item: Item, table: Table, now_us: int) -> bytes:
    """Return the change record of an item's removal by TTL, as the Kinesis feed carries it."""
    image = for_boto3(item)
    keys = {name: image[name] for name in table.keys if name in image}
    record = {
        "eventID": str(uuid.UUID(int=0)),
        "eventName": "REMOVE",
        "awsRegion": "us-east-1",
        "dynamodb": {"Keys": keys, "OldImage": image},
    }
    return change_record(
        record,
        table=table.name,
        precision="MICROSECOND",
        created_us=now_us,
        identity=TTL_IDENTITY,
    )


def _fits(row: Row, settings: Settings) -> bool:
    """Return whether a response with this row alone is within the limit."""
    answer: Answer = {"recordId": _RECORD_ID, "result": "Ok", "data": b64encode(row.line).decode()}
    if settings.output.partition_by == "event":
        answer["metadata"] = {"partitionKeys": {settings.output.date_column: row.date}}
    return fits_alone(answer)


class CauseFinder:
    """Finds the attributes to blame. A collision is explained once for all items with the same names."""

    def __init__(self, explain: Explain) -> None:
        self._explain = explain
        self._known: dict[tuple[object, ...], str] = {}

    def find(self, item: Item, record: bytes, code: str) -> str:
        """Return the attributes as text, such as `a and b`; empty where they are not known."""
        # A collision follows from the names alone; what else is refused follows from the values.
        paths = frozenset(path for path, _ in walk_attributes(item))
        kind = (code, paths) if code == "ColumnCollision" else (code, sha256(record).digest())
        if kind not in self._known:
            if len(self._known) >= _MAX_EXPLAINED:
                return ""
            failed = FailedRecord(1, ErrorLine(raw_data=b64encode(record).decode()), b"")
            cause: Cause = self._explain(failed, Refused(code))
            self._known[kind] = cause.attribute
        return self._known[kind]
