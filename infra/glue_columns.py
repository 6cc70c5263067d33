"""The columns of the catalog, from archive.toml: their order is the rows', their types are Hive's."""

from dataclasses import dataclass

from ttl_archive.transform.settings import Settings

# ddb_event_time is written as Hive writes a timestamp; all other columns that are not named here are text.
_TYPES = {"ddb_event_time": "timestamp", "ddb_event_us": "bigint"}


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column with its type in archive.toml's words."""

    name: str
    type: str

    @property
    def hive(self) -> str:
        """Its type in Glue. Hive has no JSON type: the SerDe gives the JSON text of what is no string."""
        return "string" if self.type == "json" else self.type

    @property
    def presto(self) -> str:
        """Its type in Athena's SQL."""
        return {"string": "varchar", "timestamp": "timestamp(3)"}.get(self.hive, self.hive)


def catalog_columns(settings: Settings) -> tuple[CatalogColumn, ...]:
    """Every column of a row that is known beforehand, in the rows' order, without the partition's."""
    types = _TYPES | {column.name: column.type for column in settings.columns}
    return tuple(CatalogColumn(name, types.get(name, "string")) for name in settings.row_columns)
