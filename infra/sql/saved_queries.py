"""The saved queries: each file of queries/ with the words of one archive.toml and one dialect filled in.

A file is an SQL template (`string.Template`); its first line is a comment that says what the query is for.
The same queries are saved in Athena's workgroup and run over a local archive.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from ttl_archive.infra.sql.archive_relation import ArchiveRelation
from ttl_archive.infra.sql.dialect import Dialect, quoted
from ttl_archive.infra.sql.history_relation import has_history, states_sql
from ttl_archive.infra.sql.relations import unique_sql
from ttl_archive.transform.settings import ENVELOPE_COLUMNS, IMAGE_COLUMN, Settings

HISTORY_QUERIES = ("item_history", "item_at", "table_at", "value_changes")
_DAYS = "{date} BETWEEN ? AND ?"


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query with what it is for."""

    description: str
    sql: str

    @property
    def parameter_count(self) -> int:
        """The number of its parameters, each a text: a `?` outside of comments and quotes."""
        return re.sub("--.*|'[^']*'", "", self.sql).count("?")


def saved_queries(settings: Settings, dialect: Dialect) -> dict[str, SavedQuery]:
    """Return every saved query that the settings allow, by the name of its file."""
    archive = ArchiveRelation(settings, dialect)
    names = [column.name for column in archive.columns()]
    date = settings.output.date_column
    days = _DAYS.format(date=quoted(date))
    words = {
        "date": date,
        "columns": ", ".join(map(quoted, names)),
        # The inner cast makes a date of DuckDB's timestamp, so that both engines write 2026-11-21.
        "thirty_days_ago": "CAST(CAST(current_date - INTERVAL '30' DAY AS date) AS varchar)",
        "searched": _searched(archive),
        "raw_data_text": dialect.text_of_base64("raw_data"),
        "is_whole": archive.is_whole(),
        "misfits": _misfits(archive, settings, dialect, days),
        "unique_over_days": unique_sql(names, where=days),
        "table_at": states_sql(names, dialect),
        "item_at": states_sql(names, dialect, "ddb_key = ?"),
        "attribute": dialect.attribute_value(IMAGE_COLUMN, "?"),
    }
    found = {}
    for file in sorted(files("ttl_archive.infra.sql").joinpath("queries").iterdir(), key=lambda f: f.name):
        name = file.name.removesuffix(".sql")
        if name != file.name and (name not in HISTORY_QUERIES or has_history(settings)):
            sql = Template(file.read_text(encoding="utf-8")).substitute(words).strip()
            found[name] = SavedQuery(_first_comment(sql), sql)
    return found


def _searched(archive: ArchiveRelation) -> str:
    """Return the expression of all that a row says of its item, as one text."""
    content = [column for column in archive.columns() if not _is_ours(column.name)]
    texts = [f"CAST({quoted(column.name)} AS varchar)" for column in content]
    return f"concat_ws(' ', {', '.join(texts)})"


def _is_ours(name: str) -> bool:
    return name.startswith("ddb_") and name not in ("ddb_image", "ddb_rest")


def _misfits(archive: ArchiveRelation, settings: Settings, dialect: Dialect, days: str) -> str:
    conditions = {column.name: archive.misfit(n) for n, column in enumerate(settings.columns, 1)}
    if settings.output.row == "envelope":
        conditions = {name: dialect.unreadable(name) for name in ENVELOPE_COLUMNS}
    counts = [f"count(CASE WHEN {test} THEN 1 END) AS {quoted(name)}" for name, test in conditions.items()]
    date = quoted(settings.output.date_column)
    selected = [date, "count(*) AS ddb_row_count", *counts]
    return archive.query(selected, f"FROM ddb_typed\nGROUP BY {date}\nORDER BY {date}", days)


def _first_comment(sql: str) -> str:
    found = re.match(r"-- (.*)", sql)
    return found[1] if found else ""
