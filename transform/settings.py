"""The one configuration file, archive.toml: its sections, each key declared once, and how it is loaded."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.setting_rules import read_section, read_sections, setting, unknown_names
from ttl_archive.transform.settings_conflicts import conflicts

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

# Sections that other rooms declare and check; the transform only knows that they are allowed.
OTHER_SECTIONS: tuple[str, ...] = ("deploy", "export", "ingest", "reports")

# 255 bytes, lower case. Source: Athena User Guide, names for tables, databases and columns.
_COLUMN = {
    "pattern": r"(?!ddb_)[a-z_][a-z0-9_]{0,254}",
    "expected": "lower-case letters, digits and '_', not starting with 'ddb_' or a digit",
}
# Precision and scale up to 38. Source: Athena User Guide, data types.
_TYPE = {
    "pattern": r"string|bigint|double|boolean|timestamp|json"
    r"|decimal\(([1-9]|[12]\d|3[0-8]),(\d|[12]\d|3[0-8])\)",
    "expected": "string, bigint, double, boolean, timestamp, json or decimal(p,s) with p from 1 to 38",
}
PATH_EXPECTED = 'names joined by dots ("a.b"), or a list of names (["a.b", "c"]) where a name has a dot'


def _keys(found: object) -> tuple[str, ...]:
    """Return a table's key attributes: at most two names that differ, each of up to 255 bytes.

    Raises ValueError. Source: DynamoDB Developer Guide, constraints; naming rules.
    """
    names = found if isinstance(found, list) else [None]
    known = {name for name in names if isinstance(name, str) and 1 <= len(name.encode()) <= 255}
    if not len(known) == len(names) <= 2:
        raise ValueError(found)
    return tuple(names)


def attribute_path(found: object) -> tuple[str, ...]:
    """Return the names that lead into the image. Raises ValueError."""
    names = found.split(".") if isinstance(found, str) else found
    if isinstance(names, list) and names and all(isinstance(name, str) and name for name in names):
        return tuple(names)
    raise ValueError(found)


@dataclass(frozen=True, slots=True)
class Table:
    """The DynamoDB table: its TTL attribute, its key attributes, and whether exports of it are archived."""

    # Source: DynamoDB Developer Guide, naming rules.
    name: str = setting(
        pattern=r"[a-zA-Z0-9_.-]{3,255}", expected="3 to 255 letters, digits, '_', '-' or '.'"
    )
    ttl_attribute: str = setting(pattern=r"(?s).{1,255}", expected="the name of the table's TTL attribute")
    keys: tuple[str, ...] = setting((), convert=_keys, expected="a list of one or two key attributes' names")
    backfilled: bool = setting(False)  # `ttl-archive backfill` requires it: the relations compare rows then


@dataclass(frozen=True, slots=True)
class Select:
    """Which changes are kept."""

    changes: Literal["ttl-removals", "removals", "all", "all-but-ttl-removals"] = setting("ttl-removals")
    infer_replica_ttl: bool = setting(False)


@dataclass(frozen=True, slots=True)
class Output:
    """How a kept change is written."""

    format: Literal["jsonl", "csv"] = setting("jsonl")
    row: Literal["flat", "envelope"] = setting("flat")
    nested: Literal["keep", "flatten"] = setting("keep")
    image: bool = setting(None)  # by default true for jsonl and false for csv; `parse` fills it in
    partition_by: Literal["arrival", "event"] = setting("arrival")
    overflow: Literal["reingest", "fail"] = setting("reingest")
    date_column: str = setting("dt", **_COLUMN)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row: the path into the image that it comes from, and its type in the catalog."""

    name: str = setting(**_COLUMN)
    path: tuple[str, ...] = setting(
        (), convert=attribute_path, expected=PATH_EXPECTED
    )  # by default the name; see `parse`
    type: str = setting("string", **_TYPE)


@dataclass(frozen=True, slots=True)
class Settings:
    """All of archive.toml. `sections` has those of OTHER_SECTIONS as the file has them, unchecked."""

    table: Table
    select: Select
    output: Output
    columns: tuple[Column, ...]
    file: str
    sections: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def row_columns(self) -> tuple[str, ...]:
        """Names of the columns known beforehand, in the order of the catalog and of a CSV row.

        Cells of CSV are positional. So [[columns]] are last there, and one more can be added at the end; and
        ddb_image is there even when it is empty, so that `image` can be switched.
        A flat JSONL row has what comes from the image sorted by name: its columns, and the other attributes.
        """
        envelope = self.output.row == "envelope"
        own = ENVELOPE_COLUMNS if envelope else tuple(column.name for column in self.columns)
        if self.output.format == "csv":
            return (*METADATA_COLUMNS, IMAGE_COLUMN, REST_COLUMN, *own)
        return METADATA_COLUMNS + own + ((IMAGE_COLUMN,) if self.output.image else ())


def load(path: str | Path | None = None, also: Mapping[str, Any] | None = None) -> Settings:
    """Read and check the configuration file.

    Without a path: the file that TTL_ARCHIVE_CONFIG names, else archive.toml in the task root (in Lambda)
    or in the current folder. `also` is as for `parse`. Raises SettingsError with every problem found.
    """
    file = Path(path or os.environ.get(CONFIG_VARIABLE) or _default_path())
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
    except FileNotFoundError:
        hint = f"no such file. Write one, or let {CONFIG_VARIABLE} name it"
        raise SettingsError(str(file), [hint]) from None
    except OSError as error:
        raise SettingsError(str(file), [f"cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), [f"not TOML: {error}"]) from None
    return parse(document, str(file), also)


def parse(
    document: Mapping[str, Any], file: str = "archive.toml", also: Mapping[str, Any] | None = None
) -> Settings:
    """Check a configuration given as plain dicts. Raises SettingsError with every problem found.

    `also` names sections of other rooms whose mistakes are to be reported with the rest, by their dataclass,
    or as list[...] for an array of tables: {"deploy": Deploy}.
    """
    problems = unknown_names(document, ["table", "select", "output", "columns", *OTHER_SECTIONS], "section")
    table = read_section(Table, "[table]", document.get("table", {}), problems)
    select = read_section(Select, "[select]", document.get("select", {}), problems)
    output = read_section(Output, "[output]", document.get("output", {}), problems)
    columns = read_sections(Column, "columns", document.get("columns", []), problems)
    columns = [column if column.path else replace(column, path=(column.name,)) for column in columns]
    problems += conflicts(table, output, columns)
    for name, declared in (also or {}).items():
        if get_args(declared):
            read_sections(get_args(declared)[0], name, document.get(name, []), problems)
        elif name in document:  # a section that is left out is not wanted, or has defaults for all its keys
            read_section(declared, f"[{name}]", document[name], problems)
    if problems:
        raise SettingsError(file, problems)
    if output.image is None:
        output = replace(output, image=output.format == "jsonl")
    sections = {name: document[name] for name in OTHER_SECTIONS if name in document}
    return Settings(table, select, output, tuple(columns), file, sections)


def _default_path() -> Path:
    return Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / "archive.toml"
