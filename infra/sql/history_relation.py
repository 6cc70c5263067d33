"""The relation `archive_history`: every change of each key in order, and what the order leaves open.

column             what it says
ddb_latest_us      the last microsecond at which the change can have happened; ddb_event_us is the first
ddb_step           the place of the change in its item's life, from 1
ddb_step_changes   the changes that share the step, because no time orders them; 1 where the order is known

A feed counts in microseconds, milliseconds or whole seconds, and only the number shows which: one that ends
in 000000 is taken as a second, and one that ends in 000 as a millisecond. A change that happened at an exact
second by chance is then said to be less certain than it is, never more. Changes of a key whose times overlap
are in one step: of two such times, one contains the other, or they are equal.

The state of an item at a moment comes from the changes that can be the last before it. A change is one of
them if it can have happened by then, and no other has certainly happened after it and by then. Where they
leave the item in different states, or where it is not certain that the first change had happened, nothing is
picked: every candidate is returned, with ddb_is_certain = false.

The relation needs ddb_key, and ddb_image, which holds each state exactly. It shows exported rows that
`archive_unique` leaves out as superseded, because they say what an item was at an earlier time.

Source: KDS, record metadata; BC-dynamodbstreams, ApproximateCreationDateTime.
"""

from collections.abc import Sequence

from ttl_archive.infra.sql.dialect import Dialect, quoted
from ttl_archive.transform.settings import Settings

HISTORY = "archive_history"
STEP_COLUMNS = ("ddb_latest_us", "ddb_step", "ddb_step_changes")
NO_HISTORY = (
    'archive_history needs [select] changes = "all", [output] image = true and [table] keys in archive.toml'
)
# A change whose key is not known is an item of its own. A filter on ddb_key passes below these windows.
_ITEM = "ddb_key, CASE WHEN ddb_key IS NULL THEN ddb_change END"
_ORDER = f"PARTITION BY {_ITEM} ORDER BY ddb_event_us, ddb_change"
_LATEST = (
    "ddb_event_us + CASE WHEN ddb_event_us % 1000000 = 0 THEN 999999"
    " WHEN ddb_event_us % 1000 = 0 THEN 999 ELSE 0 END"
)


def has_history(settings: Settings) -> bool:
    """Return whether the settings keep all that a history needs."""
    return settings.select.changes == "all" and settings.output.image and bool(settings.table.keys)


def history_sql(names: Sequence[str], settings: Settings, changes: str, archive: str) -> str:
    """Return the SELECT of the relation; `changes` is a SELECT of each change of each key once."""
    listed = ", ".join(map(quoted, names))
    if not has_history(settings):
        # A query of this view fails, and its message is this text: an empty answer would be a lie.
        none = ", ".join(f"CAST(NULL AS bigint) AS {name}" for name in STEP_COLUMNS)
        return f"SELECT {listed}, {none}\nFROM {archive} WHERE CAST('{NO_HISTORY}' AS bigint) IS NULL"
    timed = f"SELECT {listed}, {_LATEST} AS ddb_latest_us\nFROM (\n{changes}\n)"
    earlier = f"max(ddb_latest_us) OVER ({_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    starts = f"CASE WHEN {earlier} >= ddb_event_us THEN 0 ELSE 1 END AS ddb_starts"
    started = f"SELECT {listed}, ddb_latest_us, {starts}\nFROM (\n{timed}\n)"
    step = f"CAST(sum(ddb_starts) OVER ({_ORDER} ROWS UNBOUNDED PRECEDING) AS bigint) AS ddb_step"
    stepped = f"SELECT {listed}, ddb_latest_us, {step}\nFROM (\n{started}\n)"
    shared = f"count(ddb_change) OVER (PARTITION BY {_ITEM}, ddb_step) AS ddb_step_changes"
    return f"SELECT {listed}, ddb_latest_us, ddb_step, {shared}\nFROM (\n{stepped}\n)"


def states_sql(names: Sequence[str], dialect: Dialect, where: str = "") -> str:
    """Return a SELECT of the states in which the items can have been at a moment, its first parameter.

    A row is the change that left the item in that state; of a removal, the item was not in the table. `where`
    is a condition on `archive_history`.
    """
    listed = ", ".join(map(quoted, names))
    condition = f" AND {where}" if where else ""
    certain = "max(CASE WHEN ddb_latest_us <= ddb_asked_us THEN ddb_event_us END)"
    state = "CASE WHEN ddb_event_name = 'REMOVE' THEN '-' ELSE coalesce(ddb_image, ddb_change) END"
    one_state = f"min(ddb_state) OVER (PARTITION BY {_ITEM}) = max(ddb_state) OVER (PARTITION BY {_ITEM})"
    is_certain = f"({one_state} AND ddb_certain_us IS NOT NULL AND ddb_key IS NOT NULL)"
    same = f"row_number() OVER (PARTITION BY {_ITEM}, ddb_state ORDER BY ddb_event_us DESC, ddb_change)"
    return f"""WITH ddb_asked AS (
  SELECT {dialect.microseconds_of("?")} AS ddb_asked_us
), ddb_past AS (
  SELECT {listed}, ddb_latest_us, {certain} OVER (PARTITION BY {_ITEM}) AS ddb_certain_us
  FROM {HISTORY} CROSS JOIN ddb_asked
  WHERE ddb_event_us <= ddb_asked_us{condition}
), ddb_candidates AS (
  SELECT {listed}, ddb_certain_us, {state} AS ddb_state
  FROM ddb_past
  WHERE coalesce(ddb_latest_us >= ddb_certain_us, true)
), ddb_judged AS (
  SELECT {listed}, {is_certain} AS ddb_is_certain, {same} AS ddb_copy
  FROM ddb_candidates
)
SELECT {listed}, ddb_is_certain
FROM ddb_judged
WHERE ddb_copy = 1"""
