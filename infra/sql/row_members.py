"""The texts of a row's own members and cells, which columns have where the row has no image."""

from ttl_archive.infra.sql.dialect import Dialect, quoted
from ttl_archive.infra.sql.text_table import hidden_columns, own_column, own_key
from ttl_archive.transform.settings import Column, Settings


class RowMembers:
    """The SQL of the members of a row of `archive_files`, for one archive.toml, in one dialect."""

    def __init__(self, settings: Settings, dialect: Dialect) -> None:
        self._settings, self._dialect = settings, dialect
        self._is_csv = settings.output.format == "csv"
        self._hidden = hidden_columns(settings)
        self._rest_keys = self._keys_in_rest() if self._is_csv else []

    def rest_columns(self) -> dict[str, str]:
        """Return the columns, by name, that the texts need of `ddb_rest`."""
        return self._dialect.rest_columns(self._rest_keys) if self._rest_keys else {}

    def text(self, column: Column) -> str:
        """Return the column's text in a row without an image."""
        name = quoted(column.name)
        if column in self._hidden:
            return self._rest_text(column.path[0]) if self._is_csv else name
        if not self._is_csv:
            own = own_column(column, self._settings)
            return f"coalesce({quoted(own)}, {name})" if own else name
        # ddb_rest has what a cell cannot show exactly. A row without the cell is older than the column.
        key = own_key(column, self._settings)
        earlier = self._rest_text(key or column.name) if key or len(column.path) == 1 else "NULL"
        present = f"coalesce({self._rest_text(column.name)}, nullif({name}, ''))"
        return f"CASE WHEN {name} IS NULL THEN {earlier} ELSE {present} END"

    def unreadable(self, column: Column) -> str:
        """Return the condition that the row has a value for the column which cannot be read exactly."""
        if not self._is_csv:
            own = own_column(column, self._settings)
            names = [column.name, *([own] if own else [])]
            return "(" + " OR ".join(self._dialect.unreadable(name) for name in names) + ")"
        key = own_key(column, self._settings) or column.name
        place = self._rest_keys.index(key)
        return f"({quoted(column.name)} IS NULL AND {self._dialect.rest_has(place, key)})"

    def _keys_in_rest(self) -> list[str]:
        own = [own_key(column, self._settings) for column in self._settings.columns]
        hidden = [column.path[0] for column in self._hidden]
        names = [column.name for column in self._settings.columns]
        return list(dict.fromkeys([*names, *filter(None, own), *hidden]))

    def _rest_text(self, key: str) -> str:
        return self._dialect.rest_text(self._rest_keys.index(key), key)
