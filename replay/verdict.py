"""Today's verdict of the transform on a failed record: a row, a drop by rule, or a refusal by code."""

import csv
from collections.abc import Callable
from typing import NamedTuple

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from ttl_archive.replay.csv_row import csv_row
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable
from ttl_archive.transform.convert import Drop, Row, converter
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.settings import METADATA_COLUMNS, Settings


class Refused(NamedTuple):
    """The transform or the sink refuses the record; `code` is fixed text without a part of the record."""

    code: str


Verdict = Row | Drop | Refused
Judge = Callable[[FailedRecord | Unreadable], Verdict]


def judge(settings: Settings) -> Judge:
    """Return the function that returns the verdict on a record. The same record has the same verdict.

    A record that names no table counts as the table's own, as in the transform: a delivery stream belongs to
    one table, and forwarders exist that leave the name out.
    """
    convert = converter(settings)
    as_row = _row_reader(settings)

    def verdict(record: FailedRecord | Unreadable) -> Verdict:
        if isinstance(record, Unreadable):
            return Refused(record.code)
        try:
            data = record.data()
            try:
                return convert(data)
            except RecordError:
                if row := as_row(data):
                    return row
                raise
        except RecordError as error:
            return Refused(error.code)
        except Exception as error:  # noqa: BLE001  a fault of ours must not stop the records beside this one
            return Refused(f"Unexpected{type(error).__name__}")

    return verdict


class _RowTime(Struct):
    ddb_event_us: int
    ddb_table: str


def _row_reader(settings: Settings) -> Callable[[bytes], Row | None]:
    """Return the function that returns the row when the data is one of the transform's own rows.

    Firehose partitions and converts after the transform. Whether rawData of those error output types is the
    record from before or the row from after is UNVERIFIED, so both are taken.
    """
    decode = Decoder(_RowTime).decode
    table = settings.table.name

    def from_json(data: bytes) -> Row | None:
        try:
            found = decode(data)
        except DecodeError:
            return None
        return Row(_with_newline(data), found.ddb_event_us) if found.ddb_table == table else None

    def from_csv(data: bytes) -> Row | None:
        try:
            found = csv_row(data, settings)
            us = int(found[METADATA_COLUMNS[4]])
        except (ValueError, csv.Error):
            return None
        return Row(_with_newline(data), us) if found["ddb_table"] == table else None

    return from_csv if settings.output.format == "csv" else from_json


def _with_newline(data: bytes) -> bytes:
    return data if data.endswith(b"\n") else data + b"\n"
