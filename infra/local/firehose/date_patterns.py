"""Java's DateTimeFormatter patterns, as S3 prefixes use them.

Firehose evaluates `!{timestamp:<pattern>}` with Java's java.time.format.DateTimeFormatter (FDG: s3-prefixes).
Letters, and how often each may be repeated, from the class documentation of
DateTimeFormatterBuilder.appendPattern:

    letter  meaning                      1          2      3        4            5
    y u     year (of era, proleptic)     2026       26     2026     2026         02026
    Y       week-based year              2026       26     2026     2026         02026
    M L     month                        9          09     Sep      September    S
    d H h K k m s                        7          07
    D       day of year                  7          07     007
    w       week of week-based year      1          01
    E       day of week                  Mon        Mon    Mon      Monday       M
    Q q     quarter                      3          03     Q3       3rd quarter  3
    a       half of the day              AM
    S       fraction of a second, 1-9 digits, truncated

Text in single quotes is literal, `''` is one quote, other characters stand for themselves. Names are English.
Weeks are ISO weeks (they start on Monday): UNVERIFIED, the real service's locale is not documented.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

_TOKEN = re.compile(
    r"'(?P<quoted>(?:[^']|'')*)'|(?P<field>(?P<letter>[A-Za-z])(?P=letter)*)|(?P<literal>[^A-Za-z'])"
)
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905 - reads as the list it is
_QUARTERS = ("1st", "2nd", "3rd", "4th")
_MAX_FRACTION_DIGITS = 9
# DateTimeFormatter's own letters that the local Firehose does not evaluate, and the characters it reserves.
_OTHER_JAVA_LETTERS = frozenset("GgWecFABnNVvzOXxZp")
_RESERVED = frozenset("[]{}#")

Field = Callable[[datetime, int], str]


class PatternError(ValueError):
    """A pattern that DateTimeFormatter refuses, or that cannot be evaluated here."""


def check_pattern(pattern: str) -> None:
    """Raise PatternError, which names letter and pattern, for one that cannot be evaluated."""
    for kind, text in _tokens(pattern):
        if kind == "field":
            _check_field(text, pattern)
        elif kind == "literal" and text in _RESERVED:
            raise PatternError(f"{text!r} is reserved in the pattern '{pattern}': quote it.")


def evaluate_pattern(pattern: str, at: datetime) -> str:
    """Return the pattern's text for an instant, in its zone. Check the pattern with check_pattern first."""
    return "".join(
        _FIELDS[text[0]][0](at, len(text)) if kind == "field" else text for kind, text in _tokens(pattern)
    )


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield a kind (field, literal, quoted) and its text, without the quotes, for each part."""
    position = 0
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        if match is None:
            raise PatternError(f"The pattern '{pattern}' ends inside a quoted text: close the quote.")
        kind = str(match.lastgroup)
        text = match[kind]
        yield kind, (text.replace("''", "'") or "'") if kind == "quoted" else text
        position = match.end()


def _check_field(field: str, pattern: str) -> None:
    letter = field[0]
    if letter in _OTHER_JAVA_LETTERS:
        raise PatternError(
            f"The local Firehose does not evaluate the letter {letter} of the pattern '{pattern}'."
            f" It knows {' '.join(sorted(_FIELDS))}."
        )
    if letter not in _FIELDS:
        raise PatternError(f"Unknown pattern letter: {letter} in '{pattern}'. Put literal text in quotes.")
    if len(field) > _FIELDS[letter][1]:
        raise PatternError(f"Too many pattern letters: {letter} in '{pattern}'.")


def _year(year: int, count: int) -> str:
    return f"{year % 100:02d}" if count == 2 else f"{year:0{count}d}"


def _number(value: int, count: int) -> str:
    return f"{value:0{count}d}"


def _name(names: list[str], index: int, count: int) -> str:
    return {4: names[index], 5: names[index][0]}.get(count, names[index][:3])


def _month(at: datetime, count: int) -> str:
    return _number(at.month, count) if count < 3 else _name(_MONTHS, at.month - 1, count)


def _quarter(at: datetime, count: int) -> str:
    quarter = (at.month + 2) // 3
    forms = {3: f"Q{quarter}", 4: f"{_QUARTERS[quarter - 1]} quarter", 5: str(quarter)}
    return forms.get(count) or _number(quarter, count)


# Letter: (its text for an instant and a count of letters, the most letters Java takes).
_FIELDS: dict[str, tuple[Field, int]] = {
    "y": (lambda at, count: _year(at.year, count), 19),
    "u": (lambda at, count: _year(at.year, count), 19),
    "Y": (lambda at, count: _year(at.isocalendar().year, count), 19),
    "M": (_month, 5),
    "L": (_month, 5),
    "w": (lambda at, count: _number(at.isocalendar().week, count), 2),
    "D": (lambda at, count: _number(at.timetuple().tm_yday, count), 3),
    "d": (lambda at, count: _number(at.day, count), 2),
    "E": (lambda at, count: _name(_DAYS, at.weekday(), count), 5),
    "Q": (_quarter, 5),
    "q": (_quarter, 5),
    "a": (lambda at, _: "AM" if at.hour < 12 else "PM", 1),
    "H": (lambda at, count: _number(at.hour, count), 2),
    "k": (lambda at, count: _number(at.hour or 24, count), 2),
    "K": (lambda at, count: _number(at.hour % 12, count), 2),
    "h": (lambda at, count: _number(at.hour % 12 or 12, count), 2),
    "m": (lambda at, count: _number(at.minute, count), 2),
    "s": (lambda at, count: _number(at.second, count), 2),
    "S": (lambda at, count: f"{at.microsecond:06d}000"[:count], _MAX_FRACTION_DIGITS),
}
