"""Names in the bucket: every folder, prefix and object name is built here.

archive/TABLE/dt=2026-11-21/                        rows, as Firehose delivers them
archive/TABLE/dt=2026-11-20/replay-ID.jsonl.gz      rows of a replayed error object
errors/TABLE/processing-failed/dt=2026-11-21/x      an error object, as Firehose writes it
source/TABLE/dt=2026-11-21/                         with source_backup: every record as it came
replay/claims/KEY.ID.json                           which run has the error object
replay/manifests/KEY.ID.json                        the proof that it was replayed
replay/quarantine/KEY.ID.TRANSFORM                  its records that were refused, as error lines
replay/retired/KEY                                  the error object itself, once it was retired

KEY is the object's whole key, so what belongs to a prefix is found under the same prefix. ID is made of the
object's bucket, key and content (ETag), so every run finds the same names.

The prefixes of Firehose are in its expression language. Source of the language and of its traps: Amazon Data
Firehose Developer Guide, s3-prefixes.
"""

import hashlib
import re
from datetime import UTC, datetime

from ttl_archive.transform.settings import Settings

ROOT = "replay/"
CLAIMS = ROOT + "claims/"
MANIFESTS = ROOT + "manifests/"
QUARANTINE = ROOT + "quarantine/"
RETIRED = ROOT + "retired/"
ARCHIVE = "archive/"
ERRORS = "errors/"
SOURCE = "source/"
# yyyy, because YYYY is the week's year. UTC, as the date that the transform gives.
_DAY = "!{timestamp:yyyy-MM-dd}"

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
QUARANTINED = "quarantine"
UNKNOWN = "unknown"
_TYPE = re.compile("|".join(ERROR_OUTPUT_TYPES))
# <stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid>. Source: Firehose Developer Guide, s3-object-name.
_NAME_TIME = re.compile(r"-\d+-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-[0-9a-f]{8}-[^/]*$")
_QUARANTINE_SUFFIX = re.compile(r"\.[0-9a-f]{20}\.[0-9a-f]{12}$")


def identity(bucket: str, key: str, etag: str) -> str:
    """Twenty hex digits that stand for an object with this content, the same in every run."""
    return hashlib.sha256("\0".join((bucket, key, etag)).encode()).hexdigest()[:20]


def error_output_type(key: str) -> str:
    """Firehose's error output type as the key has it; quarantine for what was refused again."""
    if key.startswith(QUARANTINE):
        return QUARANTINED
    found = _TYPE.findall(key)
    return found[-1] if found else UNKNOWN


def own_time(key: str, modified: datetime) -> datetime:
    """When Firehose wrote the object: the time in its name, which a copy keeps; else when S3 got it."""
    found = _NAME_TIME.search(_QUARANTINE_SUFFIX.sub("", key))
    if found:
        try:
            return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
        except ValueError:
            pass  # digits that are no date
    return modified


def is_ours(key: str) -> bool:
    """Whether the key is one of the names that this room writes, other than a quarantine's."""
    return key.startswith(ROOT) and not key.startswith(QUARANTINE)


def claim_key(key: str, ident: str) -> str:
    """Where it stands who is at the object."""
    return f"{CLAIMS}{key}.{ident}.json"


def manifest_key(key: str, ident: str) -> str:
    """Where it stands that the object is done."""
    return f"{MANIFESTS}{key}.{ident}.json"


def quarantine_key(key: str, ident: str, transform: str) -> str:
    """Where records go that this transform refused; quarantined once more, they stay beside the first."""
    origin = _QUARANTINE_SUFFIX.sub("", key.removeprefix(QUARANTINE))
    return f"{QUARANTINE}{origin}.{ident}.{transform}"


def refused_by(key: str) -> str | None:
    """The transform that refused what is in this quarantine object; None for any other object."""
    if key.startswith(QUARANTINE) and _QUARANTINE_SUFFIX.search(key):
        return key.rpartition(".")[2]
    return None


def archive_key(settings: Settings, date: str, ident: str, archive: str = ARCHIVE) -> str:
    """Where the object's rows of one date go."""
    output = settings.output
    return f"{archive}{settings.table.name}/{output.date_column}={date}/replay-{ident}.{output.format}.gz"


def archive_folder(settings: Settings) -> str:
    """Beneath it is every row of the table and nothing else, for Athena reads all of it."""
    return f"{ARCHIVE}{settings.table.name}/"


def errors_folder(settings: Settings) -> str:
    """Beneath it is every error object of the table."""
    return f"{ERRORS}{settings.table.name}/"


def source_folder(settings: Settings) -> str:
    """Beneath it is the backup of the table's source records."""
    return f"{SOURCE}{settings.table.name}/"


def prefix(settings: Settings) -> str:
    """The prefix of delivered objects.

    By event date, the hour of arrival begins the object's name: with no timestamp at all, Firehose may append
    a date of its own (sources disagree), and a folder for it would divide the day.
    """
    column = settings.output.date_column
    if settings.output.partition_by == "event":
        day = f"!{{partitionKeyFromLambda:{column}}}"
        return f"{archive_folder(settings)}{column}={day}/!{{timestamp:yyyyMMddHH}}-"
    return f"{archive_folder(settings)}{column}={_DAY}/"


def error_output_prefix(settings: Settings) -> str:
    """The prefix of error objects."""
    return f"{errors_folder(settings)}!{{firehose:error-output-type}}/dt={_DAY}/"


def source_prefix(settings: Settings) -> str:
    """The prefix of the backup of source records."""
    return f"{source_folder(settings)}dt={_DAY}/"
