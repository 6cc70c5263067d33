"""When two rows are the same change: the one rule, for both engines and every query.

Delivery is at least once at every hop, so a change can be delivered twice. Two rows are the same change when
everything is equal that cannot differ between copies:

rows                         what must be equal, beside table, kind of change and microsecond
with an image                the text of the image (and the other members of an envelope)
of an envelope, no image     keys, new and old image
of CSV, no image             every cell, and ddb_rest
of flat JSONL, no image      every column, and the event id: the item may have more than its columns
of the Streams feed          the same, and the event id

The Streams feed counts in whole seconds, so two changes of an item to the same image can share a time; there
the event id of a copy is the same. On the Kinesis feed a copy may have another event id (UNVERIFIED), so it
does not count. A change of that feed at an exact second is treated like one of the Streams feed: a copy is
then shown twice at worst. A row that is hidden is worse than one that is shown twice. That is also why texts
are compared, not parsed images: copies with their members in another order are two changes.

While a table has both roads, Kinesis and Streams, each TTL removal has a row of each. They differ in the
event id and in the time, which the Streams feed rounds down to the second. `ddb_removal` is a digest of what
they share: table, second, and the image or every cell. Two removals of one item in one second are possible.
So the changes with one digest are numbered on each road, and those with the same number are one change. The
digest is NULL, and the rows of both roads are shown, where rows do not hold the whole item. Only TTL removals
are compared, because other changes of an item can repeat within a second.

The column `ddb_change` is a digest of all this. `archive_unique` keeps one row for each date folder and
change. With partition_by = "event" all copies lie in one folder. By arrival, copies on both sides of midnight
lie in two: the saved query `unique_over_days` finds them, and reads all of its days for that.

An exported row (ddb_event_name = EXPORT, written by `ttl-archive backfill`) is no change: it says what an
item was when the table was exported. In `archive_unique` it is shown until the archive has a newer row of the
same life of the item: a removal, or another export, with the same key and the same TTL value. `ddb_life` is a
digest of both. Images are not compared, because an export has the members of a set in another order than the
stream. An item that was renewed has another TTL value, so its earlier state stays visible.

Source: KDS, record metadata; DynamoDB Developer Guide, Kinesis Data Streams change data capture;
BC-dynamodbstreams, ApproximateCreationDateTime;
scylladb/scylladb:test/alternator/test_export.py (the order of sets).
"""

from collections.abc import Sequence

from ttl_archive.infra.sql.dialect import distinct_text, quoted
from ttl_archive.transform.settings import IMAGE_COLUMN, Settings

_ALWAYS = ("ddb_table", "ddb_event_name", "ddb_event_us")
_WHOLE_SECOND = "ddb_event_us LIKE '%000000'"
_SECOND = "substr(ddb_event_us, 1, length(ddb_event_us) - 6)"
_BY_TTL = "ddb_removed_by IN ('ttl', 'ttl-inferred')"
LIFE = "ddb_life"
REMOVAL = "ddb_removal"
# The rows that may be one change, whichever road they came by; and the road, as far as the time tells.
SAME_ON_BOTH_ROADS = f"coalesce({REMOVAL}, ddb_change)"
ROAD = "ddb_event_us % 1000000 = 0"
HAS_IMAGE = f"(coalesce({IMAGE_COLUMN}, '') <> '')"


def change_text(settings: Settings, content: Sequence[str], inexact: Sequence[str] = ()) -> str:
    """Return the expression of the text that two rows share exactly when they are the same change.

    `content` are the columns of the text table beside metadata and image. Where the engine could not read
    them exactly (`inexact` names the column that says so), the event id decides.
    """
    is_envelope = settings.output.row == "envelope"
    holds_all = is_envelope or settings.output.format == "csv"
    conditions = [_WHOLE_SECOND, *(f"{name} IS NOT NULL" for name in inexact)]
    if not holds_all:
        conditions.append(f"NOT {HAS_IMAGE}")
    event_id = f"CASE WHEN {' OR '.join(conditions)} THEN ddb_event_id END"
    always = [*_ALWAYS, event_id, IMAGE_COLUMN]
    if is_envelope:
        return distinct_text([*always, *content])
    if not content:
        return distinct_text(always)
    # A row that was transformed again may have other columns, but it has the same image.
    return f"{distinct_text(always)} || CASE WHEN {HAS_IMAGE} THEN '' ELSE {distinct_text(content)} END"


def removal_text(settings: Settings, content: Sequence[str], inexact: Sequence[str] = ()) -> str:
    """Return the expression of the text that the rows of a TTL removal share on both roads, else NULL.

    The arguments are as for `change_text`.
    """
    is_envelope = settings.output.row == "envelope"
    conditions = [_BY_TTL, *(f"{name} IS NULL" for name in inexact)]
    if not is_envelope and settings.output.format == "jsonl":
        conditions.append(HAS_IMAGE)
    text = distinct_text(["ddb_table", _SECOND, IMAGE_COLUMN])
    if is_envelope:
        text += f" || {distinct_text(content)}"
    elif content:
        text += f" || CASE WHEN {HAS_IMAGE} THEN '' ELSE {distinct_text(content)} END"
    return f"CASE WHEN {' AND '.join(conditions)} THEN {text} END"


def life_text(keys: Sequence[str], ttl: str) -> str:
    """Return the expression of the text that the rows of one life of an item share; NULL without the key.

    Items without a TTL value have one life.
    """
    missing = " OR ".join(f"{text} IS NULL" for text in keys)
    return f"CASE WHEN NOT ({missing}) THEN {distinct_text([*keys, ttl])} END"


def without_superseded(names: Sequence[str], rows: str, archive: str) -> str:
    """Return a SELECT of the rows without the exported ones that a newer row of the same life supersedes.

    A removal at the time of the export counts as newer. Dates are no part of the comparison, because a
    removal can follow years later. So the removals of every day are read, but of `rows` only what is asked
    for: a condition on the left side of the join passes below it.
    """
    newest = "max(ddb_event_us + CASE WHEN ddb_event_name = 'REMOVE' THEN 1 ELSE 0 END)"
    return (
        f"SELECT {', '.join(map(quoted, names))}\nFROM (\n{rows}\n) LEFT JOIN (\n"
        f"SELECT {LIFE} AS ddb_newest_life, {newest} AS ddb_newest_us\nFROM {archive}\n"
        f"WHERE ddb_event_name IN ('REMOVE', 'EXPORT')\nGROUP BY {LIFE}\n"
        f") ON {LIFE} = ddb_newest_life\n"
        "WHERE ddb_event_name <> 'EXPORT' OR coalesce(ddb_newest_us <= ddb_event_us, true)"
    )


def item_key(values: Sequence[str]) -> str:
    """Return the ddb_key of an item whose key attributes have these texts, as `key_text` makes it."""
    return values[0] if len(values) == 1 else "".join(f"{len(value)}:{value}" for value in values)


def key_text(texts: Sequence[str]) -> str:
    """Return the expression of the text that tells one item's key from another's; NULL without the key."""
    if len(texts) == 1:
        return texts[0]
    missing = " OR ".join(f"{text} IS NULL" for text in texts)
    return f"CASE WHEN NOT ({missing}) THEN {distinct_text(texts)} END"
