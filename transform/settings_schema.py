"""What archive.toml may hold: every key with its default, what is allowed, and how a mistake is told."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """What one key may hold. Without a default it is required, unless `optional`."""

    kind: type
    default: object = None
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    words: str = ""
    optional: bool = False

    def accepts(self, value: object) -> bool:
        """Whether the value has the kind and is one of what is allowed."""
        if type(value) is not self.kind:
            return False
        if isinstance(value, list):
            return _are_keys(value)
        if self.allowed:
            return value in self.allowed
        return not self.pattern or re.fullmatch(self.pattern, str(value)) is not None

    def told(self) -> str:
        """What is allowed, in words."""
        if self.kind is bool:
            return "true or false"
        return self.words or "one of " + ", ".join(f'"{choice}"' for choice in self.allowed)


# 255 bytes, lower case. Source: Athena User Guide, names for tables, databases and columns.
_COLUMN_PATTERN = r"(?!ddb_)[a-z_][a-z0-9_]{0,254}"
_COLUMN_WORDS = "lower-case letters, digits and '_', not starting with 'ddb_' or a digit"

SECTIONS: dict[str, dict[str, Key]] = {
    "table": {
        # Source: DynamoDB Developer Guide, naming rules.
        "name": Key(str, pattern=r"[a-zA-Z0-9_.-]{3,255}", words="3 to 255 letters, digits, '_', '-' or '.'"),
        "ttl_attribute": Key(str, pattern=r"(?s).{1,255}", words="the name of the table's TTL attribute"),
        "keys": Key(list, optional=True, words="a list of one or two key attributes' names"),
    },
    "select": {
        "changes": Key(str, "ttl-removals", ("ttl-removals", "removals", "all", "all-but-ttl-removals")),
        "infer_replica_ttl": Key(bool, False),
    },
    "output": {
        "format": Key(str, "jsonl", ("jsonl", "csv")),
        "row": Key(str, "flat", ("flat", "envelope")),
        "nested": Key(str, "keep", ("keep", "flatten")),
        "image": Key(bool, optional=True),  # its default depends on the format
        "partition_by": Key(str, "arrival", ("arrival", "event")),
        "overflow": Key(str, "reingest", ("reingest", "fail")),
        "date_column": Key(str, "dt", pattern=_COLUMN_PATTERN, words=_COLUMN_WORDS),
    },
}

# Choices of the deployment, which infra/ reads and checks; the transform does not look into it.
DEPLOY_SECTION = "deploy"

COLUMN: dict[str, Key] = {
    "name": Key(str, pattern=_COLUMN_PATTERN, words=_COLUMN_WORDS),
    # Precision and scale up to 38. Source: Athena User Guide, data types.
    "type": Key(
        str,
        "string",
        pattern=r"string|bigint|double|boolean|timestamp|json|decimal\(([1-9]|[12]\d|3[0-8]),(\d|[12]\d|3[0-8])\)",
        words="string, bigint, double, boolean, timestamp, json or decimal(p,s) with p from 1 to 38",
    ),
}


def _are_keys(names: list[object]) -> bool:
    """Whether these can be a table's key attributes: at most two names that differ, each of up to 255 bytes.

    Source: DynamoDB Developer Guide, constraints; naming rules.
    """
    known = {name for name in names if isinstance(name, str) and 1 <= len(name.encode()) <= 255}
    return len(known) == len(names) <= 2


def check(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of every section with defaults filled in, and one sentence for each mistake.

    The values mean something only when there is no mistake.
    """
    problems = _unknown(document, [*SECTIONS, "columns", DEPLOY_SECTION], "section")
    found: dict[str, Any] = {}
    for name, keys in SECTIONS.items():
        found[name] = _section(f"[{name}]", keys, document.get(name, {}), problems)
    found["columns"] = _columns(document.get("columns", []), problems)
    problems += _conflicts(found["output"], [column["name"] for column in found["columns"]])
    return found, problems


def check_section(where: str, keys: Mapping[str, Key], found: object) -> tuple[dict[str, Any], list[str]]:
    """The values of one section with defaults filled in, and one sentence for each mistake."""
    problems: list[str] = []
    return _section(where, keys, found, problems), problems


def _section(
    where: str, keys: Mapping[str, Key], found: object, problems: list[str], also: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The values of one section; `also` are keys that the caller reads itself."""
    if not isinstance(found, dict):
        problems.append(f"{where} has value {_shown(found)}. It must be a section with {', '.join(keys)}")
        return dict.fromkeys(keys)
    problems += _unknown(found, [*keys, *also], f"key of {where}")
    return {name: _value(f"{where} {name}", key, found.get(name), problems) for name, key in keys.items()}


def _value(where: str, key: Key, value: object, problems: list[str]) -> Any:
    if value is None:
        if key.default is None and not key.optional:
            problems.append(f"{where} is missing. It must be {key.told()}")
        return key.default
    if not key.accepts(value):
        problems.append(f"{where} has value {_shown(value)}. It must be {key.told()}")
    return value


def _columns(found: object, problems: list[str]) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        problems.append(f"columns has value {_shown(found)}. Write each column as a [[columns]] entry")
        return []
    columns = [_column(f"[[columns]] {number}", entry, problems) for number, entry in enumerate(found, 1)]
    problems += _overlaps(columns)
    return columns


def _column(where: str, entry: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    column = _section(where, COLUMN, entry, problems, also=("path",))
    name = column["name"] if isinstance(column["name"], str) else None
    column["path"] = _path(where, entry.get("path", name), problems)
    precision = re.fullmatch(r"decimal\((\d+),(\d+)\)", str(column["type"]))
    if precision and int(precision[2]) > int(precision[1]):
        problems.append(f'{where} type has value "{column["type"]}". The scale must not pass the precision')
    return column


def _path(where: str, value: object, problems: list[str]) -> tuple[str, ...]:
    """The names that lead into the image; a list of names serves where a name itself has a dot."""
    names = value.split(".") if isinstance(value, str) else value
    if isinstance(names, list) and names and all(isinstance(name, str) and name for name in names):
        return tuple(names)
    if value is not None:  # a missing name is told already
        problems.append(
            f'{where} path has value {_shown(value)}. It must be names joined by dots ("a.b"), '
            'or a list of names (["a.b", "c"]) where a name has a dot'
        )
    return ()


def _overlaps(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names that stand twice, and paths of which one holds the other."""
    problems = []
    for position, column in enumerate(columns):
        for other in columns[:position]:
            if column["name"] and column["name"] == other["name"]:
                problems.append(f'[[columns]] name "{column["name"]}" stands twice. Rename one of them')
            outer, inner = sorted((column["path"], other["path"]), key=len)
            if outer and inner[: len(outer)] == outer:
                problems.append(
                    f'[[columns]] path "{".".join(inner)}" is the same as, or lies inside, path '
                    f'"{".".join(outer)}". A value can have one column only'
                )
    return problems


def _conflicts(output: Mapping[str, Any], columns: list[str]) -> list[str]:
    """Keys that are good alone but not with each other."""
    csv, envelope = output["format"] == "csv", output["row"] == "envelope"
    date = output["date_column"]
    rules = [
        (csv and not columns, '[output] format is "csv" without [[columns]]. CSV needs at least one'),
        (
            csv and envelope,
            '[output] row is "envelope" and format is "csv". Use row "flat" or format "jsonl"',
        ),
        (
            envelope and bool(columns),
            '[[columns]] have no place in [output] row "envelope". Remove them, or use row "flat"',
        ),
        (
            envelope and output["nested"] == "flatten",
            '[output] nested is "flatten" and row is "envelope". Use nested "keep", or row "flat"',
        ),
        (
            date in columns or (envelope and date in ("keys", "new_image", "old_image")),
            f'[output] date_column has value "{date}", the name of another column. Rename one of them',
        ),
    ]
    return [text for broken, text in rules if broken]


def _unknown(found: Mapping[str, Any], known: list[str], what: str) -> list[str]:
    problems = []
    for name in found:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f'Did you mean "{close[0]}"? ' if close else ""
            problems.append(f'"{name}" is not a {what}. {hint}Known: {", ".join(known)}')
    return problems


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
