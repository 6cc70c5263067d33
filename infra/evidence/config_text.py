"""The text of archive.toml, with comments that say what each choice rests on.

A comment has names of attributes and shares of items, and never a value.
"""

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.evidence.attribute_evidence import AttributeEvidence
from ttl_archive.infra.evidence.column_proposals import ProposedColumn
from ttl_archive.replay.commands.show import plural, printable

_COMMENT_WIDTH = 100


@dataclass(frozen=True, slots=True)
class ConfigChoices:
    """What archive.toml says. `about_ttl` and `origin` are sentences for comments."""

    table: str
    ttl_attribute: str
    keys: Sequence[str]
    format: str
    columns: Sequence[ProposedColumn]
    items: int  # of the sample: shares are of them
    origin: Sequence[str]
    about_ttl: Sequence[str]
    deploy: Sequence[tuple[str, Any, str]]  # key, value, and the reason


def config_text(choices: ConfigChoices) -> str:
    """Return the text of the file."""
    keys = [f"keys = {toml_value(list(choices.keys))}"] if choices.keys else _NO_KEYS
    lines = [
        *_comments(choices.origin),
        "# Every key with its default and its reason: ttl-archive docs. To check this file: ttl-archive "
        "check-config",
        "",
        "[table]",
        f"name = {toml_value(choices.table)}",
        *_comments(choices.about_ttl),
        f"ttl_attribute = {toml_value(choices.ttl_attribute)}",
        *keys,
        "",
        "[select]",
        'changes = "ttl-removals"  # or "removals", "all": what users delete, or every change, is kept too',
        "",
        "[output]",
        f"format = {toml_value(choices.format)}",
        "image = true  # the lossless image: every digit, and a restore that is equal to the byte",
        "",
        "[deploy]",
        *_settings_with_reasons(choices.deploy),
        "",
        *columns_lines(choices.columns, choices.items),
    ]
    return "\n".join(lines).rstrip() + "\n"


def columns_lines(columns: Iterable[ProposedColumn], items: int) -> list[str]:
    """Return the lines of [[columns]], each entry after a comment with its evidence."""
    lines: list[str] = []
    for proposed in columns:
        column = proposed.column
        evidence = proposed.evidence
        seen = f"{printable('.'.join(evidence.path))}: {describe_values(evidence, items)}"
        conflict = f"; types differ, so the column is {column.type}" if evidence.has_conflict else ""
        lines += [*_comments([seen + conflict]), "[[columns]]"]
        lines.append(f"name = {toml_value(column.name)}")
        if column.path != (column.name,):
            lines.append(f"path = {toml_path(column.path)}")
        lines += [f"type = {toml_value(column.type)}", ""]
    return lines


def describe_values(evidence: AttributeEvidence, items: int) -> str:
    """Return the types of an attribute with the shares of the items that have them, and the digits."""
    shares = [f"{kind} in {percentage(count, items)}" for kind, count in evidence.types.most_common()]
    text = f"{', '.join(shares)} of the items"
    if not evidence.types["N"]:
        return text
    numbers = evidence.numbers
    text += f"; numbers of at most {plural(numbers.whole_digits, 'digit')} before the point"
    return text if numbers.are_integers else f"{text}, {numbers.fraction_digits} behind it"


def percentage(count: int, total: int) -> str:
    """Return a share in per cent, never rounded to 0 % or 100 %."""
    if count == total:
        return "100 %"
    percent = 100 * count / max(1, total)
    if count and percent < 1:
        return f"{percent:.2g} %" if percent >= 0.01 else "under 0.01 %"
    return f"{min(percent, 99.9):.3g} %"


def toml_value(value: object) -> str:
    """Return a text, number, boolean or list as TOML: JSON, with DEL escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_path(path: Sequence[str]) -> str:
    """Return a column's path: names joined by dots, or a list where a name has a dot."""
    return toml_value(list(path)) if any("." in name for name in path) else toml_value(".".join(path))


def _settings_with_reasons(settings: Iterable[tuple[str, Any, str]]) -> list[str]:
    return [
        line
        for key, value, reason in settings
        for line in (*_comments([reason]), f"{key} = {toml_value(value)}")
    ]


def _comments(sentences: Iterable[str]) -> list[str]:
    wrapped = (
        textwrap.wrap(printable(text), _COMMENT_WIDTH - 2, break_long_words=False) for text in sentences
    )
    return [f"# {line}" for lines in wrapped for line in lines]


_NO_KEYS = [
    '# keys = ["…"]  # the key attributes, partition key first: the relation archive_latest needs them',
]
