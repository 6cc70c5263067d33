"""Names in the bucket: what an error object's key tells, and which keys follow from it.

errors/TABLE/processing-failed/dt=2026-11-21/x      an error object; any key and prefix will do
replay/claims/KEY.ID.json                           who is at it
replay/manifests/KEY.ID.json                        that it is done, and the proof
replay/quarantine/KEY.ID.TRANSFORM                  its records that were refused again, as error lines
replay/retired/KEY                                  the object itself, once it was retired
archive/TABLE/dt=2026-11-20/replay-ID.jsonl.gz      its rows

KEY is the object's whole key, so what belongs to a prefix is found under the same prefix. ID is made of the
object's bucket, key and content (ETag), so every run finds the same names.
"""

import hashlib
import re
from datetime import UTC, datetime

from transform.settings import Settings

ROOT = "replay/"
CLAIMS = ROOT + "claims/"
MANIFESTS = ROOT + "manifests/"
QUARANTINE = ROOT + "quarantine/"
RETIRED = ROOT + "retired/"
ARCHIVE = "archive/"
ERRORS = "errors/"

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
