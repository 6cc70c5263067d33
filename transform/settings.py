"""The one configuration file, archive.toml, as frozen values with every default filled in."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.settings_schema import check

CONFIG_VARIABLE = "TTL_ARCHIVE_CONFIG"
METADATA_COLUMNS: tuple[str, ...] = (
    "ddb_table",
    "ddb_event_id",
    "ddb_event_name",
    "ddb_event_time",  # UTC, as Hive writes a timestamp, with milliseconds
    "ddb_event_us",  # microseconds since 1970: orders and de-duplicates
    "ddb_removed_by",  # ttl, ttl-inferred, user; null when nothing was removed
)
ENVELOPE_COLUMNS: tuple[str, ...] = ("keys", "new_image", "old_image")
REST_COLUMN = "ddb_rest"  # csv: what has no column, or what its column cannot carry
IMAGE_COLUMN = "ddb_image"  # the lossless image: DynamoDB JSON, in a string


@dataclass(frozen=True, slots=True)
class Table:
    """The DynamoDB table, the attribute that its TTL reads, and its key attributes where they are given."""

    name: str
    ttl_attribute: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Select:
    """Which changes are kept."""

    changes: Literal["ttl-removals", "removals", "all", "all-but-ttl-removals"]
    infer_replica_ttl: bool


@dataclass(frozen=True, slots=True)
class Output:
    """How a kept change is written."""

    format: Literal["jsonl", "csv"]
    row: Literal["flat", "envelope"]
    nested: Literal["keep", "flatten"]
    image: bool
    partition_by: Literal["arrival", "event"]
    overflow: Literal["reingest", "fail"]
    date_column: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row: where in the image it comes from, and its type in the catalog."""

    name: str
    path: tuple[str, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All of archive.toml."""

    table: Table
    select: Select
    output: Output
    columns: tuple[Column, ...]
    file: str

    @property
    def row_columns(self) -> tuple[str, ...]:
        """Names of the columns known beforehand, in the order of the catalog and of a CSV row.

        A cell of CSV goes by its place. So [[columns]] are last there, and one more can be added at the end;
        and ddb_image is there even when it is empty, so that `image` can be switched.
        A flat JSONL row has what comes from the image sorted by name: its columns, and the other attributes.
        """
        envelope = self.output.row == "envelope"
        own = ENVELOPE_COLUMNS if envelope else tuple(column.name for column in self.columns)
        if self.output.format == "csv":
            return (*METADATA_COLUMNS, IMAGE_COLUMN, REST_COLUMN, *own)
        return METADATA_COLUMNS + own + ((IMAGE_COLUMN,) if self.output.image else ())


def load(path: str | Path | None = None) -> Settings:
    """Read and check the configuration file.

    Without a path: the file that TTL_ARCHIVE_CONFIG names, else archive.toml in the task root (in Lambda)
    or in the current folder. Raises SettingsError with every problem found.
    """
    file = Path(path or os.environ.get(CONFIG_VARIABLE) or _default_path())
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = f"no such file. Write one, or let {CONFIG_VARIABLE} name it"
        raise SettingsError(str(file), [hint]) from None
    except OSError as error:
        raise SettingsError(str(file), [f"cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), [f"not TOML: {error}"]) from None
    return parse(document, str(file))


def parse(document: Mapping[str, Any], file: str = "archive.toml") -> Settings:
    """Check a configuration given as plain dicts. Raises SettingsError with every problem found."""
    found, problems = check(document)
    if problems:
        raise SettingsError(file, problems)
    output = found["output"]
    if output["image"] is None:
        output["image"] = output["format"] == "jsonl"
    columns = tuple(Column(**column) for column in found["columns"])
    found["table"]["keys"] = tuple(found["table"]["keys"] or ())
    return Settings(Table(**found["table"]), Select(**found["select"]), Output(**output), columns, file)


def _default_path() -> Path:
    return Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / "archive.toml"
