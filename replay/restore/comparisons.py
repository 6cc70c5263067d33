"""Comparisons on the columns of a row, with SQL's three-valued logic. A test returns None for unknown.

Numbers compare as numbers of any length, also where a row has them as text, as in CSV. Text compares by code
points.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ttl_archive.replay.restore.archived_rows import RowColumns, exact_value

RowTest = Callable[[RowColumns], bool | None]
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def value_of(columns: RowColumns, name: str) -> Any:
    """Return the value of a column, or of a path a.b into it; None where there is none.

    Raises BadRowError `BadNumber`.
    """
    if name in columns:
        return exact_value(columns[name])
    first, *inner = name.split(".")
    if not inner or first not in columns:
        return None
    value = exact_value(columns[first])
    for step in inner:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def comparison(name: str, compare: Callable[[Any, Any], bool], literal: Any) -> RowTest:
    """Return the test that compares a column with a text, a Decimal or a bool."""

    def test(columns: RowColumns) -> bool | None:
        value = value_of(columns, name)
        if isinstance(literal, bool) and value in ("true", "false"):
            value = value == "true"  # a row of CSV has text only
        if isinstance(literal, Decimal) != isinstance(value, Decimal):
            return _compare_numbers(value, literal, compare)
        if type(value) is not type(literal):
            return None
        return compare(value, literal)

    return test


def is_null(name: str) -> RowTest:
    """Return the test that a column has no value."""
    return lambda columns: value_of(columns, name) is None


def like(name: str, pattern: str) -> RowTest:
    """Return the test that a column is text and matches a LIKE pattern."""
    matches = like_matcher(pattern)

    def test(columns: RowColumns) -> bool | None:
        value = value_of(columns, name)
        return matches(value) if isinstance(value, str) else None

    return test


def like_matcher(pattern: str) -> Callable[[str], bool]:
    """Return the function that says whether a text matches a LIKE pattern: % any text, _ one character.

    The parts between two % are found from left to right, each at its first place, so that the time is
    linear in the text: no match that starts later could help the parts that follow.
    """
    first, *others = [_fixed_length(part) for part in pattern.split("%")]
    if not others:
        return lambda text: bool(first.fullmatch(text))
    last_length = len(pattern.rpartition("%")[2])

    def matches(text: str) -> bool:
        found = first.match(text)
        for part in others[:-1]:
            found = found and part.search(text, found.end())
        end = len(text) - last_length
        return found is not None and end >= found.end() and bool(others[-1].match(text, end))

    return matches


def one_of(tests: Sequence[RowTest]) -> RowTest:
    """Return the test that OR makes of several."""

    def test(columns: RowColumns) -> bool | None:
        results = [each(columns) for each in tests]
        return True if True in results else None if None in results else False

    return test if len(tests) > 1 else tests[0]


def every_of(tests: Sequence[RowTest]) -> RowTest:
    """Return the test that AND makes of several."""

    def test(columns: RowColumns) -> bool | None:
        results = [each(columns) for each in tests]
        return False if False in results else None if None in results else True

    return test if len(tests) > 1 else tests[0]


def negation(inner: RowTest) -> RowTest:
    """Return the test that NOT makes of one: unknown stays unknown."""

    def test(columns: RowColumns) -> bool | None:
        result = inner(columns)
        return None if result is None else not result

    return test


def _fixed_length(part: str) -> re.Pattern[str]:
    return re.compile("".join("." if letter == "_" else re.escape(letter) for letter in part), re.DOTALL)


def _compare_numbers(value: Any, literal: Any, compare: Callable[[Any, Any], bool]) -> bool | None:
    try:
        return compare(_number(value), _number(literal))
    except (InvalidOperation, TypeError):
        return None


def _number(value: Any) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    raise TypeError
