"""The relation `archive`: every delivered row, its columns typed. Each step is a common table expression.

step          adds
ddb_rows      the whole rows of `archive_files`
ddb_images1…  what the dialect needs of the image for the texts of the columns
ddb_texts     ddb_t1, …: the text of each column, from the image where the row has one, else from the row
ddb_quick     ddb_q1, …: the value of each column whose text is in its plain form, in a dialect that has one
ddb_parts     ddb_i1, ddb_f1, ddb_e1, …: digits before and behind the point, and the exponent, of decimals
ddb_plain     ddb_n1, …: the text of decimals without an exponent
ddb_typed     ddb_c1, …: the value of each column, NULL where the text does not fit the type

`archive` selects the last; the saved query `misfits` compares it with the text before.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ttl_archive.infra.sql.change_identity import (
    HAS_IMAGE,
    LIFE,
    REMOVAL,
    change_text,
    key_text,
    life_text,
    removal_text,
)
from ttl_archive.infra.sql.dialect import Dialect, ImageTexts, ImageValue, quoted
from ttl_archive.infra.sql.grammar import is_decimal
from ttl_archive.infra.sql.row_members import RowMembers
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, archive_text_columns, hidden_columns
from ttl_archive.transform.settings import (
    ENVELOPE_COLUMNS,
    IMAGE_COLUMN,
    METADATA_COLUMNS,
    REST_COLUMN,
    Column,
    Settings,
)

_METADATA_TYPES = {"ddb_event_time": "timestamp", "ddb_event_us": "bigint"}
_NAMES = "('INSERT', 'MODIFY', 'REMOVE', 'EXPORT')"
# Kinds of attribute values whose content may be a text of the type, the likeliest first.
_KINDS = {"string": "S N BOOL B", "boolean": "BOOL S N", "timestamp": "S N BOOL"}
_NUMERIC_KINDS = "N S BOOL"


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column of a relation with its type in the words of archive.toml."""

    name: str
    type: str


class ArchiveRelation:
    """The SQL of `archive` for one archive.toml, in one dialect.

    `asked` are names of columns: the relation leaves out those of [[columns]] that are not asked for, except
    key attributes and the TTL attribute. DuckDB would read them from every image.
    """

    def __init__(self, settings: Settings, dialect: Dialect, asked: Collection[str] | None = None) -> None:
        self._settings, self._dialect = settings, dialect
        needed = {(name,) for name in (*settings.table.keys, settings.table.ttl_attribute)}
        self._columns = tuple(
            column
            for column in settings.columns
            if asked is None or column.name in asked or column.path in needed
        )
        self._is_csv = settings.output.format == "csv"
        self._is_envelope = settings.output.row == "envelope"
        self._files = [column.name for column in archive_text_columns(settings)]
        self._members = RowMembers(settings, dialect)
        self._own = (*self._columns, *hidden_columns(settings))
        values = [ImageValue(column.path, _kinds(column)) for column in self._own]
        image = f"nullif({IMAGE_COLUMN}, '')"
        self._image = dialect.image_texts(image, values) if values else ImageTexts([], [])

    def columns(self) -> tuple[RelationColumn, ...]:
        """Return the relation's columns in their order, the date column last."""
        settings = self._settings
        metadata = [RelationColumn(name, _METADATA_TYPES.get(name, "string")) for name in METADATA_COLUMNS]
        own = [RelationColumn(column.name, column.type) for column in self._columns]
        envelope = ENVELOPE_COLUMNS if self._is_envelope else ()
        texts = [*envelope, IMAGE_COLUMN, *([REST_COLUMN] if self._is_csv else []), "ddb_change", REMOVAL]
        if settings.table.keys or envelope:
            texts.append("ddb_key")
        if settings.table.backfilled:
            texts.append(LIFE)
        texts.append(settings.output.date_column)
        return (*metadata, *own, *(RelationColumn(name, "string") for name in texts))

    def sql(self) -> str:
        """Return the SELECT of the relation."""
        special = self._identities() | {"ddb_key": self._key(), LIFE: self._life()}
        numbers = {column.name: n for n, column in enumerate(self._columns, 1)}
        selected = []
        for column in self.columns():
            expression = special.get(column.name) or (
                f"ddb_c{numbers[column.name]}" if column.name in numbers else self._metadata(column)
            )
            selected.append(f"{expression} AS {quoted(column.name)}")
        return self.query(selected, "FROM ddb_typed")

    def query(self, selected: Sequence[str], end: str, where: str = "") -> str:
        """Return a SELECT over the steps; `where` is a condition on `archive_files`."""
        steps = self._steps(where)
        listed = ",\n".join(f"{name} AS (\n  {text}\n)" for name, text in steps.items())
        return f"WITH {listed}\nSELECT\n  " + ",\n  ".join(selected) + f"\n{end}"

    def misfit(self, number: int) -> str:
        """Return the condition, in the step ddb_typed, that a row's value is not in its column."""
        column = self._columns[number - 1]
        found = f"(ddb_t{number} IS NOT NULL AND ddb_c{number} IS NULL)"
        hidden = f"NOT {HAS_IMAGE} AND {self._members.unreadable(column)}"
        return f"({found} OR ({hidden} AND ddb_t{number} IS NULL))"

    def is_whole(self) -> str:
        """Return the condition that a row of `archive_files` is whole: of a broken line it has NULLs."""
        return f"coalesce({' AND '.join(self._signs_of_a_row())}, false)"

    def _signs_of_a_row(self) -> list[str]:
        """Return the conditions that are all true for a whole row, and NULL or false for a broken one."""
        signs = [f"ddb_event_name IN {_NAMES}", self._dialect.is_integer("ddb_event_us")]
        return [*signs, "ddb_rest IS NOT NULL"] if self._is_csv else signs  # each row of CSV has this cell

    def _steps(self, where: str) -> dict[str, str]:
        condition = " AND ".join(filter(None, [*self._signs_of_a_row(), where]))
        files = [*map(quoted, self._files), quoted(self._settings.output.date_column), *self._file_columns()]
        rest = self._members.rest_columns()
        steps = {"ddb_rows": _select(files, rest, f"{ARCHIVE_FILES} WHERE {condition}")}
        before, inherited = "ddb_rows", [*files, *rest]
        for n, added in enumerate(self._image.steps, 1):
            steps[f"ddb_images{n}"] = _select(inherited, added, before)
            before, inherited = f"ddb_images{n}", [*inherited, *added]
        for name, kept, added in self._column_steps():
            steps[name] = _select([*inherited, *kept], added, before)
            before = name
        return steps

    def _column_steps(self) -> list[tuple[str, list[str], dict[str, str]]]:
        """Return each step's name, what it takes from the step before, and what it adds."""
        numbered = list(enumerate(self._own, 1))
        decimals = [n for n, column in numbered if is_decimal(column.type)]
        texts = {f"ddb_t{n}": self._text(n, column) for n, column in numbered}
        quick = {f"ddb_q{n}": sql for n, column in numbered if (sql := self._quick(n, column))}
        parts = {f"ddb_{part}{n}": sql for n in decimals for part, sql in self._parts(n, quick)}
        plain = {
            f"ddb_n{n}": self._dialect.without_exponent(*(f"ddb_{part}{n}" for part in "tife"))
            for n in decimals
        }
        typed = {f"ddb_c{n}": self._typed(n, column, quick) for n, column in numbered}
        steps: list[tuple[str, list[str], dict[str, str]]] = [
            ("ddb_texts", [], texts),
            ("ddb_quick", [*texts], quick),
            ("ddb_parts", [*texts, *quick], parts),
            ("ddb_plain", [*texts, *quick], plain),
            ("ddb_typed", [*texts], typed),
        ]
        return [step for step in steps if step[2] or step[0] == "ddb_typed"]

    def _quick(self, number: int, column: Column) -> str | None:
        return self._dialect.plainly_typed(f"ddb_t{number}", column.type)

    def _typed(self, number: int, column: Column, quick: Collection[str]) -> str:
        text = f"ddb_{'n' if is_decimal(column.type) else 't'}{number}"
        typed = self._dialect.typed(text, column.type)
        return f"coalesce(ddb_q{number}, {typed})" if f"ddb_q{number}" in quick else typed

    def _parts(self, number: int, quick: Collection[str]) -> Iterable[tuple[str, str]]:
        parts: Iterable[str] = self._dialect.number_parts(f"ddb_t{number}")
        if f"ddb_q{number}" in quick:
            parts = (f"CASE WHEN ddb_q{number} IS NULL THEN {part} END" for part in parts)
        return zip("ife", parts, strict=True)

    def _text(self, number: int, column: Column) -> str:
        member = f"CASE WHEN NOT {HAS_IMAGE} THEN {self._members.text(column)} END"
        return f"coalesce({self._image.texts[number - 1]}, {member})"

    def _file_columns(self) -> list[str]:
        return [] if self._is_csv else list(self._dialect.file_columns)

    def _metadata(self, column: RelationColumn) -> str:
        name = quoted(column.name)
        text = f"nullif({name}, '')" if self._is_csv and column.name in METADATA_COLUMNS else name
        if column.type == "string":
            return self._dialect.cast(text, "string")
        return self._dialect.typed(name, column.type)

    def _identities(self) -> dict[str, str]:
        skipped = (*METADATA_COLUMNS, IMAGE_COLUMN)
        content = [quoted(name) for name in self._files if name not in skipped]
        texts = {"ddb_change": change_text, REMOVAL: removal_text}
        return {
            name: self._dialect.digest(text(self._settings, content, self._file_columns()))
            for name, text in texts.items()
        }

    def _attribute_texts(self, names: Sequence[str]) -> list[str]:
        by_path = {column.path: n for n, column in enumerate(self._own, 1)}
        return [f"ddb_t{by_path[(name,)]}" for name in names]

    def _key(self) -> str:
        keys = self._settings.table.keys
        if not self._is_envelope:
            return key_text(self._attribute_texts(keys)) if keys else ""
        if not keys or not self._settings.output.image:
            return quoted("keys")
        # The image is exact in every engine; `keys` may not be. A row without an image is from before it.
        return f"coalesce({key_text(self._attribute_texts(keys))}, {quoted('keys')})"

    def _life(self) -> str:
        table = self._settings.table
        if not table.backfilled:
            return ""
        (ttl,) = self._attribute_texts([table.ttl_attribute])
        return self._dialect.digest(life_text(self._attribute_texts(table.keys), ttl))


def _kinds(column: Column) -> tuple[str, ...]:
    """Return the kinds of values whose content is a text of the column; none for JSON text."""
    return () if column.type == "json" else tuple(_KINDS.get(column.type, _NUMERIC_KINDS).split())


def _select(inherited: Sequence[str], added: Mapping[str, str], source: str) -> str:
    columns = ", ".join(inherited) + "".join(
        f",\n    {expression} AS {name}" for name, expression in added.items()
    )
    return f"SELECT {columns}\n  FROM {source}"
