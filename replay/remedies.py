"""What to do about each code with which a record is refused; README.md has a section for each.

A remedy that is a change of archive.toml is ready to be pasted there.
"""

from ttl_archive.replay.causes import Cause, Path
from ttl_archive.transform.settings import Settings

_DAMAGED = (
    "DynamoDB does not write such a record, so it was damaged or made by something else. No setting delivers "
    "it: look at it with --show-content, repair its source, or accept the loss with replay waive."
)
_NO_RECORD = (
    "Nothing can be delivered of it: look at it with --show-content, or accept the loss with replay waive."
)
_GZIP = (
    "The object is compressed and damaged. What could be read of it is replayed; if a whole copy exists, put "
    "it in its place. Otherwise accept the loss with replay waive."
)
REMEDIES: dict[str, str] = {
    "BadAttributeValue": f"The attribute's value does not have exactly one of DynamoDB's types. {_DAMAGED}",
    "BadBinary": f"The attribute's binary value is not base64. {_DAMAGED}",
    "BadEventTime": f"The time of the change is not in seconds, milliseconds or microseconds. {_DAMAGED}",
    "BadNumber": f"The attribute's number is not one that DynamoDB can hold. {_DAMAGED}",
    "BadRawData": f"The error line's rawData is not base64. {_NO_RECORD}",
    "ColumnCollision": (
        "Two attributes have the same column, or one has the name of a column that every row has. Give one a "
        "column of its own: add this to archive.toml, after every other [[columns]], and deploy it too."
    ),
    "DamagedGzip": _GZIP,
    "HalfWritten": f"The object ends within a record, so whoever wrote it was interrupted. {_NO_RECORD}",
    "MissingImage": (
        "The record does not have the image that a row is made of. Where its source is a DynamoDB stream, "
        "set its view type to NEW_AND_OLD_IMAGES, for the records to come. Accept the loss of this one with "
        "replay waive."
    ),
    "NoPayload": (
        "The document of a discarded batch holds no records, only which they were: DDBStreamBatchInfo names "
        "shard and sequence numbers. The table's stream has them for 24 hours after the change. Accept the "
        "loss with replay waive."
    ),
    "NoRawData": f"The error line has no rawData, so the source record is not in it. {_NO_RECORD}",
    "NotAChangeRecord": f"The record is JSON, but not a change record of DynamoDB. {_DAMAGED}",
    "NotAnErrorLine": (
        "The line is not a JSON object, so Firehose did not write it. If the file is not an error object, "
        "move it out of the prefix. Otherwise accept the loss with replay waive."
    ),
    "NotASourceRecord": (
        "The error line has a row of the transform, and a stream takes source records only. Replay it into "
        "the archive: replay run --sink s3 --refused."
    ),
    "NotJson": f"The record is not JSON. {_DAMAGED}",
    "NotUtf8": f"The record is not UTF-8. {_DAMAGED}",
    "OtherTable": (
        "The record is of another table. Replay it with that table's settings, --config FILE, whose [table] "
        "section is as below. For this table, accept it with replay waive."
    ),
    "TooDeep": f"The record is nested deeper than the 32 levels that DynamoDB allows. {_DAMAGED}",
    "TooLargeForStream": (
        "The record is larger than the stream takes. Replay it into the archive: replay run --sink s3 "
        "--refused; or raise the stream's MaxRecordSizeInKiB."
    ),
    "TooLong": f"The line is longer than any that Firehose writes. {_NO_RECORD}",
    "TruncatedGzip": _GZIP,
}
_UNEXPECTED = (
    "The transform failed in an unexpected way: a defect of ttl-archive. Update it, or report the code "
    "with a record that has it, without its content. The record is kept."
)


def remedy(code: str) -> str:
    """Return what to do about a code, in full sentences."""
    return REMEDIES.get(code, _UNEXPECTED)


def settings_to_add(cause: Cause, settings: Settings) -> str:
    """Return what to paste into archive.toml, TOML; empty where no setting helps."""
    if cause.code == "OtherTable" and cause.table:
        return f"[table]\nname = {_quoted(cause.table)}"
    own = {column.path for column in settings.columns}
    free = [path for path in cause.paths if path not in own]
    if cause.code != "ColumnCollision" or not free or not all(isinstance(part, str) for part in free[-1]):
        return ""
    return f"[[columns]]\nname = {_quoted(_column_name(free[-1], settings))}\npath = {_path(free[-1])}"


def _column_name(path: Path, settings: Settings) -> str:
    """Return a name that no column has: letters, digits and underscores, with the first free number."""
    text = "".join(char if char.isascii() and char.isalnum() else "_" for char in "_".join(map(str, path)))
    taken = {*settings.row_columns, *(column.name for column in settings.columns)}
    return next(name for number in range(2, 10_000) if (name := f"{text.lower()}_{number}") not in taken)


def _path(path: Path) -> str:
    if any("." in str(part) for part in path):
        return "[" + ", ".join(_quoted(str(part)) for part in path) + "]"
    return _quoted(".".join(map(str, path)))


def _quoted(text: str) -> str:
    """Return a TOML basic string. Source: TOML v1.0.0, String."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04X}" for char in escaped) + '"'
