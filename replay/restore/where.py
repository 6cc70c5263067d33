"""The filter of restore: SQL's comparisons on the columns of a row, with SQL's three-valued logic.

device_id = 'd1' AND temperature > 30
ddb_event_time BETWEEN '2026-11-01' AND '2026-11-08' OR site.name IN ('Bern', 'Basel')
note LIKE 'broken%' AND NOT repaired IS NULL

A name with dots leads into nested values. Numbers compare as numbers of any length, also where a row has them
as text, as in CSV; text compares by code points.
"""

import operator
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from ttl_archive.replay.errors import MisuseError

Row = dict[str, Any]
Test = Callable[[Row], bool | None]  # None: unknown, as SQL has it for NULL

_TOKEN = re.compile(
    r"""\s*(?: (?P<text>'(?:[^']|'')*')
             | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
             | (?P<sign><>|!=|<=|>=|[=<>(),])
             | (?P<word>[A-Za-z_][\w.]*)
             | "(?P<quoted>(?:[^"]|"")+)" )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "LIKE", "BETWEEN", "NULL", "TRUE", "FALSE"})


class _Token(NamedTuple):
    kind: str  # text, number, sign, word, quoted, keyword
    value: str


def compile_where(text: str) -> Callable[[Row], bool]:
    """The test that a filter is. Raises MisuseError with the place of a mistake."""
    parser = _Parser(text)
    test = parser.disjunction()
    parser.expect_end()
    return lambda row: test(row) is True


def columns_of(text: str) -> set[str]:
    """The names of the columns that a filter asks for, as far as it can be read."""
    return {token.value for token in _tokens(text) if token.kind in ("word", "quoted")}


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def disjunction(self) -> Test:
        parts = [self._conjunction()]
        while self._take("OR"):
            parts.append(self._conjunction())
        return _any(parts)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            self._fail("the end, AND or OR")

    def _conjunction(self) -> Test:
        parts = [self._negation()]
        while self._take("AND"):
            parts.append(self._negation())
        return _all(parts)

    def _negation(self) -> Test:
        if self._take("NOT"):
            return _not(self._negation())
        if self._take("("):
            inner = self.disjunction()
            self._need(")")
            return inner
        return self._predicate()

    def _predicate(self) -> Test:
        column = self._column()
        if self._take("IS"):
            negated = self._take("NOT")
            self._need("NULL")
            return lambda row: (value_of(row, column) is None) != negated
        if self._take("NOT"):
            return _not(self._set_predicate(column))
        for sign, compare in _COMPARE.items():
            if self._take(sign):
                return _comparison(column, compare, self._literal())
        return self._set_predicate(column)

    def _set_predicate(self, column: str) -> Test:
        if self._take("IN"):
            self._need("(")
            choices = [self._literal()]
            while self._take(","):
                choices.append(self._literal())
            self._need(")")
            return _any([_comparison(column, operator.eq, choice) for choice in choices])
        if self._take("BETWEEN"):
            low = self._literal()
            self._need("AND")
            return _all(
                [_comparison(column, operator.ge, low), _comparison(column, operator.le, self._literal())]
            )
        if self._take("LIKE"):
            return _like(column, str(self._literal()))
        self._fail("a comparison: =, !=, <, <=, >, >=, IN, BETWEEN, LIKE or IS NULL")
        raise AssertionError

    def _column(self) -> str:
        if (token := self._next()) and token.kind in ("word", "quoted"):
            return token.value
        self._at -= 1
        self._fail("the name of a column")
        raise AssertionError

    def _literal(self) -> Any:
        token = self._next()
        if token and token.kind == "text":
            return token.value
        if token and token.kind == "number":
            return Decimal(token.value)
        if token and token.value in ("TRUE", "FALSE"):
            return token.value == "TRUE"
        self._at -= 1
        self._fail("a value: 'text' in single quotes, a number, TRUE or FALSE")
        return None

    def _next(self) -> _Token | None:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else None

    def _take(self, value: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] in (
            _Token("keyword", value),
            _Token("sign", value),
        )
        self._at += found
        return found

    def _need(self, value: str) -> None:
        if not self._take(value):
            self._fail(value)

    def _fail(self, expected: str) -> None:
        read = " ".join(token.value for token in self._tokens[: self._at])
        raise MisuseError(f"--where {self._text!r}: after {read!r} must come {expected}")


def value_of(row: Row, column: str) -> Any:
    """The value of a column, or of a place in it; None where there is none."""
    if column in row:
        return row[column]
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found:
            raise MisuseError(f"--where {text!r}: cannot read from {text[at:].strip()!r} on")
        at = found.end()
        kind = str(found.lastgroup)
        value = found[kind]
        if kind == "text":
            value = value[1:-1].replace("''", "'")
        elif kind == "word" and value.upper() in _KEYWORDS:
            kind, value = "keyword", value.upper()
        yield _Token(kind, value)


def _comparison(column: str, compare: Callable[[Any, Any], bool], literal: Any) -> Test:
    def test(row: Row) -> bool | None:
        value = value_of(row, column)
        if isinstance(literal, bool) and value in ("true", "false"):
            value = value == "true"  # CSV has text only
        if isinstance(literal, Decimal) != isinstance(value, Decimal):
            return _as_numbers(value, literal, compare)
        if type(value) is not type(literal):
            return None
        return compare(value, literal)

    return test


def _as_numbers(value: Any, literal: Any, compare: Callable[[Any, Any], bool]) -> bool | None:
    try:
        return compare(_number(value), _number(literal))
    except (InvalidOperation, TypeError):
        return None


def _number(value: Any) -> Decimal:
    if not isinstance(value, str | Decimal):
        raise TypeError
    return Decimal(value)


def _like(column: str, pattern: str) -> Test:
    parts = re.split("([%_])", pattern)
    wildcard = {"%": ".*", "_": "."}
    matcher = re.compile("".join(wildcard.get(part, re.escape(part)) for part in parts), re.DOTALL)

    def test(row: Row) -> bool | None:
        value = value_of(row, column)
        return bool(matcher.fullmatch(value)) if isinstance(value, str) else None

    return test


def _any(tests: list[Test]) -> Test:
    def test(row: Row) -> bool | None:
        found = [each(row) for each in tests]
        return True if True in found else None if None in found else False

    return test if len(tests) > 1 else tests[0]


def _all(tests: list[Test]) -> Test:
    def test(row: Row) -> bool | None:
        found = [each(row) for each in tests]
        return False if False in found else None if None in found else True

    return test if len(tests) > 1 else tests[0]


def _not(inner: Test) -> Test:
    def test(row: Row) -> bool | None:
        found = inner(row)
        return None if found is None else not found

    return test
