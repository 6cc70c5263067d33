"""Names in the bucket: every folder, every prefix, and each object name that is not Firehose's own.

archive/TABLE/dt=2026-11-21/                        rows, as Firehose delivers them
archive/TABLE/dt=2026-11-20/replay-ID.jsonl.gz      rows of a replayed error object
archive/TABLE/dt=2026-11-20/backfill-ID.jsonl.gz    rows of a data file of an export
errors/TABLE/processing-failed/dt=2026-11-21/x      an error object, as Firehose or the forwarder writes it
source/TABLE/dt=2026-11-21/                         with source_backup: every record as it came
exports/TABLE/dt=2026-11-21/AWSDynamoDB/            with [export]: exports of the table
reports/TABLE/NAME/2026-11-20.csv, .json            with [[reports]]: results of queries on a schedule
replay/table=TABLE/claims/KEY.ID.json               the state of the error object, and which run holds it
replay/table=TABLE/manifests/KEY.ID.json            for people and programs: what became of a done object
replay/table=TABLE/retired/KEY                      the error object itself, after it was retired
replay/table=TABLE/maps/                            results of the state machine that replays in AWS
replay/table=TABLE/exports/windows.json             what was exported last
replay/table=TABLE/backfills/KEY.ID.json            what became of a data file of an export
replay/table=TABLE/layout.json                      the deployed layout, see infra/attachment/layout_rules
replay/table=TABLE/condition-check                  written to test that the store knows conditional writes
audit/table=TABLE/dt=2026-11-21/0001.json           the objects of the day when `verify --seal` sealed it

KEY is the key of the error object, so what belongs to a prefix is found under the same prefix. ID is a hash
of the object's bucket, key and content (ETag), so every run finds the same names.

The prefixes of Firehose are in its expression language. Source of the language and of its traps: Amazon Data
Firehose Developer Guide, s3-prefixes.
"""

import hashlib
import re
from datetime import UTC, datetime

from ttl_archive.transform.settings import Settings

ROOT = "replay/"
ARCHIVE = "archive/"
ERRORS = "errors/"
SOURCE = "source/"
EXPORTS = "exports/"
AUDIT = "audit/"
REPORTS = "reports/"
_BACKFILL = "backfill-"
# yyyy, because YYYY is the week's year. UTC, as the date that the transform computes.
_DAY = "!{timestamp:yyyy-MM-dd}"
# Source: Amazon S3 User Guide, object-keys.
_KEY_BYTES = 1024

# Source: Amazon Data Firehose Developer Guide, s3-prefixes (the first five) and buffering;
# metadata-extraction-failed was seen in public buckets of dynamic partitioning.
ERROR_OUTPUT_TYPES = (
    "processing-failed",
    "format-conversion-failed",
    "AmazonOpenSearchService-failed",
    "splunk-failed",
    "http-endpoint-failed",
    "metadata-extraction-failed",
    "activePartitionExceeded",
)
UNKNOWN = "unknown"
_TYPE = re.compile("|".join(ERROR_OUTPUT_TYPES))
# <stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid>. Source: Firehose Developer Guide, s3-object-name.
_NAME_TIME = re.compile(r"-\d+-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-[0-9a-f]{8}-[^/]*$", re.ASCII)
# The on-failure destination of an event source mapping is a bucket of its own, because the prefix of its keys
# is fixed: aws/lambda/<mapping>/<shard>/2026/11/21/2026-11-21T06.26.52-<uuid>
# Source: AWS Lambda Developer Guide, services-dynamodb-errors.
ON_FAILURE = "aws/lambda/"
ON_FAILURE_TYPE = "on-failure"
_ON_FAILURE_TIME = re.compile(r"/(\d{4})-(\d\d)-(\d\d)T(\d\d)\.(\d\d)\.(\d\d)-[0-9a-f]{8}-[^/]*$", re.ASCII)


def identity(bucket: str, key: str, etag: str) -> str:
    """Return twenty hex digits that stand for an object with this content, the same in every run."""
    return hashlib.sha256("\0".join((bucket, key, etag)).encode()).hexdigest()[:20]


def error_output_type(key: str) -> str:
    """Return Firehose's error output type, which is a part of the key; else `on-failure` or `unknown`."""
    if found := _TYPE.findall(key):
        return str(found[-1])
    return ON_FAILURE_TYPE if key.startswith(ON_FAILURE) else UNKNOWN


def own_time(key: str, modified: datetime) -> datetime:
    """Return when the object was written: the time in its name, which a copy keeps; else `modified`."""
    if found := _NAME_TIME.search(key) or _ON_FAILURE_TIME.search(key):
        try:
            return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
        except ValueError:
            pass  # digits that are no date
    return modified


def holds_no_errors(key: str) -> bool:
    """Whether the key is that of rows, a source record, an export, a report, or what the commands wrote."""
    return key.startswith((ROOT, ARCHIVE, SOURCE, EXPORTS, REPORTS, AUDIT))


def records_folder(table: str) -> str:
    """Return the folder of all that the commands record about one table."""
    return f"{ROOT}table={table}/"


def claims_folder(table: str) -> str:
    """Return the folder of the table's claims."""
    return f"{records_folder(table)}claims/"


def manifests_folder(table: str) -> str:
    """Return the folder of the table's manifests."""
    return f"{records_folder(table)}manifests/"


def retired_folder(table: str) -> str:
    """Return the folder that the table's error objects are moved to when they are retired."""
    return f"{records_folder(table)}retired/"


def maps_folder(table: str) -> str:
    """Return the folder of the results of the table's state machine."""
    return f"{records_folder(table)}maps/"


def seals_folder(table: str) -> str:
    """Return the folder of the table's seals, which fewer people may write than the other records."""
    return f"{AUDIT}table={table}/"


def seal_key(table: str, date: str, number: int) -> str:
    """Return the key of a seal of a day."""
    return f"{seals_folder(table)}dt={date}/{number:04d}.json"


def condition_check_key(table: str) -> str:
    """Return the key of the object that is written to test the store's conditional writes."""
    return f"{records_folder(table)}condition-check"


def claim_key(table: str, key: str, ident: str) -> str:
    """Return the key of an error object's claim."""
    return _joined(claims_folder(table), key, f".{ident}.json")


def manifest_key(table: str, key: str, ident: str) -> str:
    """Return the key of an error object's manifest."""
    return _joined(manifests_folder(table), key, f".{ident}.json")


def archive_key(settings: Settings, date: str, ident: str) -> str:
    """Return the key of an error object's rows of one date."""
    return _rows_key(settings, date, f"replay-{ident}")


def backfill_key(settings: Settings, date: str, ident: str) -> str:
    """Return the key of the rows of one date that a data file of an export has."""
    return _rows_key(settings, date, f"{_BACKFILL}{ident}")


def holds_exported_rows(key: str) -> bool:
    """Whether the key is that of rows of an export."""
    return key.rpartition("/")[2].startswith(_BACKFILL)


def backfill_record_key(table: str, key: str, ident: str) -> str:
    """Return the key of the record of what became of a data file of an export."""
    return _joined(f"{records_folder(table)}backfills/", key, f".{ident}.json")


def archive_folder(settings: Settings) -> str:
    """Return the folder of the table's rows. Athena reads everything in it, so nothing else may be there."""
    return f"{ARCHIVE}{settings.table.name}/"


def errors_folder(settings: Settings) -> str:
    """Return the folder of the table's error objects."""
    return f"{ERRORS}{settings.table.name}/"


def source_folder(settings: Settings) -> str:
    """Return the folder of the backup of the table's source records."""
    return f"{SOURCE}{settings.table.name}/"


def exports_folder(settings: Settings) -> str:
    """Return the folder of the table's exports."""
    return f"{EXPORTS}{settings.table.name}/"


def reports_folder(settings: Settings) -> str:
    """Return the folder of the table's reports."""
    return f"{REPORTS}{settings.table.name}/"


def export_windows_key(table: str) -> str:
    """Return the key of the record of what was exported last."""
    return f"{records_folder(table)}exports/windows.json"


def prefix(settings: Settings) -> str:
    """Return the prefix of delivered objects, in Firehose's expression language.

    With partitioning by event, the object's name begins with the hour of arrival: without any timestamp in
    the prefix Firehose may append a date folder of its own (sources disagree).
    """
    column = settings.output.date_column
    if settings.output.partition_by == "event":
        day = f"!{{partitionKeyFromLambda:{column}}}"
        return f"{archive_folder(settings)}{column}={day}/!{{timestamp:yyyyMMddHH}}-"
    return f"{archive_folder(settings)}{column}={_DAY}/"


def error_output_prefix(settings: Settings) -> str:
    """Return the prefix of error objects, in Firehose's expression language."""
    return f"{errors_folder(settings)}!{{firehose:error-output-type}}/dt={_DAY}/"


def error_object_key(settings: Settings, writer: str, when: datetime, ident: str) -> str:
    """Return the key of an error object of our own, which looks as if Firehose had written it.

    `ident` is a UUID: two objects must never share a key.
    """
    folder = f"{errors_folder(settings)}{ERROR_OUTPUT_TYPES[0]}/dt={when:%Y-%m-%d}/"
    return f"{folder}{writer}-1-{when:%Y-%m-%d-%H-%M-%S}-{ident}"


def source_prefix(settings: Settings) -> str:
    """Return the prefix of the backup of source records, in Firehose's expression language."""
    return f"{source_folder(settings)}dt={_DAY}/"


def _rows_key(settings: Settings, date: str, name: str) -> str:
    output = settings.output
    return f"{archive_folder(settings)}{output.date_column}={date}/{name}.{output.format}.gz"


def _joined(folder: str, key: str, suffix: str) -> str:
    """Join the parts; a key that is too long for that is cut, for the suffix alone identifies the object."""
    room = _KEY_BYTES - len((folder + suffix).encode())
    return folder + key.encode()[:room].decode(errors="ignore") + suffix
