"""The [ingest] section of archive.toml: how the readings in messages become items with a TTL stamp.

[ingest]
readings = "data.readings"             # the path to one reading or a list; without it, the message itself
take = ["deviceId"]                    # members of the message that each reading gets
keys = { deviceID = "{deviceId}", readingTime = "{time}" }
time = "time"                          # the reading's own time, in seconds or milliseconds since 1970
retention_days = 365
duplicates = "newest"                  # newest | last | refuse: two readings of one key in a batch
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.setting_rules import read_section, setting
from ttl_archive.transform.settings import PATH_EXPECTED, Settings, attribute_path

Part = str | tuple[str, ...]  # text, or the path to a member of the reading

_KEYS = 'a table of key attributes and templates, such as { deviceID = "{deviceId}" }'


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """Text with placeholders: "{deviceId}#{place.room}". A placeholder alone keeps the type of its value."""

    parts: tuple[Part, ...]


def _template(text: object) -> KeyTemplate:
    """Return the template that a text describes. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(text)  # noqa: TRY004  read_section reports ValueError
    parts: list[Part] = []
    for literal, name, form, conversion in Formatter().parse(text):
        if form or conversion:
            raise ValueError(text)
        parts += [literal] if literal else []
        parts += [attribute_path(name)] if name is not None else []
    if not any(isinstance(part, tuple) for part in parts):
        raise ValueError(text)  # every reading would have the same key
    return KeyTemplate(tuple(parts))


def _templates(found: object) -> Mapping[str, KeyTemplate]:
    if not isinstance(found, dict) or not 1 <= len(found) <= 2:
        raise ValueError(found)
    return {name: _template(text) for name, text in found.items()}


def _names(found: object) -> tuple[str, ...]:
    names = found if isinstance(found, list) else [None]
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(found)
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Ingest:
    """All of [ingest]."""

    keys: Mapping[str, KeyTemplate] = setting(convert=_templates, expected=_KEYS)
    time: tuple[str, ...] = setting(convert=attribute_path, expected=PATH_EXPECTED)
    retention_days: int = setting(least=1, most=36_500)
    readings: tuple[str, ...] = setting((), convert=attribute_path, expected=PATH_EXPECTED)
    take: tuple[str, ...] = setting((), convert=_names, expected="a list of names of the message's members")
    duplicates: Literal["newest", "last", "refuse"] = setting("newest")
    # The deployment reads these. Source: LDG, services-sqs-configure, services-sqs-scaling.
    batch_messages: int = setting(100, least=1, most=10_000)
    max_concurrency: int = setting(10, least=2, most=1000)
    max_receives: int = setting(5, least=1, most=1000)


def load_ingest(settings: Settings) -> Ingest | None:
    """Return the [ingest] section that came with the settings, or None. Raises SettingsError."""
    if "ingest" not in settings.sections:
        return None
    return parse_ingest(settings.sections["ingest"], settings)


def required_ingest(settings: Settings) -> Ingest:
    """Return the [ingest] section. Raises SettingsError when it is missing too."""
    ingest = load_ingest(settings)
    if ingest is None:
        problem = "the section [ingest] is missing. It says how readings become items"
        raise SettingsError(settings.file, [problem])
    return ingest


def parse_ingest(section: Mapping[str, Any], settings: Settings) -> Ingest:
    """Check an [ingest] section given as a plain dict. Raises SettingsError with every mistake found."""
    problems: list[str] = []
    ingest = read_section(Ingest, "[ingest]", section, problems)
    problems = problems or _conflicts(ingest, settings)
    if problems:
        raise SettingsError(settings.file, problems)
    return ingest


def _conflicts(ingest: Ingest, settings: Settings) -> list[str]:
    problems, table = [], settings.table
    if table.keys and set(table.keys) != set(ingest.keys):
        problems.append(
            f"[ingest] keys has {', '.join(ingest.keys)}, and [table] keys has {', '.join(table.keys)}. "
            "Both must name the same attributes"
        )
    if table.ttl_attribute in ingest.keys:
        problems.append(f'[ingest] keys has the TTL attribute "{table.ttl_attribute}". Choose another key')
    return problems
