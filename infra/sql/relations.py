"""The relations, in the order in which they are created: each may read those before it.

archive          every delivered row, its columns typed; a change that was delivered twice is here twice
archive_unique   each change once in each date folder; of exports, what no removal or newer export supersedes
archive_latest   the newest change of each key; needs [table] keys, or rows of an envelope
archive_history  every change of each key in order; needs [select] changes = "all", ddb_image, [table] keys
errors           every record that failed
"""

from collections.abc import Collection, Sequence

from ttl_archive.infra.sql.archive_relation import ArchiveRelation
from ttl_archive.infra.sql.change_identity import LIFE, ROAD, SAME_ON_BOTH_ROADS, without_superseded
from ttl_archive.infra.sql.dialect import Dialect, quoted
from ttl_archive.infra.sql.errors_relation import errors_sql
from ttl_archive.infra.sql.history_relation import HISTORY, history_sql
from ttl_archive.transform.settings import Settings

ARCHIVE = "archive"
UNIQUE = "archive_unique"
LATEST = "archive_latest"
ERRORS = "errors"
RELATIONS = (ARCHIVE, UNIQUE, LATEST, HISTORY, ERRORS)
NO_KEYS = "archive_latest needs [table] keys in archive.toml: the names of the key attributes"


def relations(settings: Settings, dialect: Dialect, asked: Collection[str] | None = None) -> dict[str, str]:
    """Return the SELECT of every relation by its name, in the order of RELATIONS.

    `asked` leaves out columns that a query does not need: see `ArchiveRelation`.
    """
    archive = ArchiveRelation(settings, dialect, asked)
    names = [column.name for column in archive.columns()]
    return {
        ARCHIVE: archive.sql(),
        UNIQUE: unique_sql(names, [settings.output.date_column]),
        LATEST: _latest_sql(names, settings),
        HISTORY: _history_sql(names, settings),
        ERRORS: errors_sql(dialect),
    }


def unique_sql(names: Sequence[str], also_equal: Sequence[str] = (), where: str = "") -> str:
    """Return a SELECT of one row for each change, and for each value of the columns `also_equal`.

    With [table] backfilled, an exported row is left out once a newer row of the same life supersedes it.

    A column of `also_equal` can be filtered on without reading all of the archive: a filter passes below a
    window only if its columns are in PARTITION BY. Source:
    trinodb/trino:core/trino-main/src/main/java/io/trino/sql/planner/optimizations/PredicatePushDown.java.
    """
    changes = _changes_sql(names, also_equal, where)
    return without_superseded(names, changes, ARCHIVE) if LIFE in names else changes


def _changes_sql(names: Sequence[str], also_equal: Sequence[str], where: str = "") -> str:
    """Return a SELECT of one row for each change, and for each value of the columns `also_equal`."""
    same = ", ".join([*map(quoted, also_equal), SAME_ON_BOTH_ROADS])
    numbered = f"dense_rank() OVER (PARTITION BY {same}, {ROAD} ORDER BY ddb_change) AS ddb_number"
    condition = f" WHERE {where}" if where else ""
    source = f"(\n{_select(names, ARCHIVE + condition, f', {numbered}')}\n)"
    # Of two roads, the row of the Kinesis road, which has the exact time.
    window = f"PARTITION BY {same}, ddb_number ORDER BY ddb_event_us DESC, ddb_event_id"
    return _first(names, window, source)


def _history_sql(names: Sequence[str], settings: Settings) -> str:
    changes = _changes_sql(names, ["ddb_key"]) if "ddb_key" in names else ""
    return history_sql(names, settings, changes, ARCHIVE)


def _latest_sql(names: Sequence[str], settings: Settings) -> str:
    if "ddb_key" not in names:
        # A query of this view fails, and its message is this text: an empty answer would be a lie.
        return _select(names, f"{ARCHIVE} WHERE CAST('{NO_KEYS}' AS bigint) IS NULL")
    # A row whose key is not known is a key of its own. Copies are equal but for folder and event id.
    date = quoted(settings.output.date_column)
    order = f"ddb_event_us DESC, ddb_event_id DESC, {date}"
    return _first(names, f"PARTITION BY coalesce(ddb_key, ddb_change) ORDER BY {order}", ARCHIVE)


def _first(names: Sequence[str], window: str, source: str) -> str:
    numbered = _select(names, source, f", row_number() OVER ({window}) AS ddb_copy")
    return _select(names, f"(\n{numbered}\n) WHERE ddb_copy = 1")


def _select(names: Sequence[str], source: str, added: str = "") -> str:
    return f"SELECT {', '.join(map(quoted, names))}{added}\nFROM {source}"
