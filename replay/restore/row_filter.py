"""The filter of restore: SQL's comparisons on the columns of a row.

device_id = 'd1' AND temperature > 30
ddb_event_time BETWEEN '2026-11-01' AND '2026-11-08' OR site.name IN ('Bern', 'Basel')
note LIKE 'broken%' AND NOT repaired IS NULL

A name with dots leads into nested values. A name in double quotes is one name, dots included.
"""

import operator
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.restore.archived_rows import RowColumns
from ttl_archive.replay.restore.comparisons import (
    RowTest,
    comparison,
    every_of,
    is_null,
    like,
    negation,
    one_of,
)

_TOKEN = re.compile(
    r"""\s*(?: (?P<text>'(?:[^']|'')*')
             | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
             | (?P<sign><>|!=|<=|>=|[=<>(),])
             | (?P<word>[A-Za-z_][\w.]*)
             | "(?P<quoted>(?:[^"]|"")+)" )""",
    re.VERBOSE | re.ASCII,
)
_SPACE = re.compile(r"\s*")
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
# Brackets and NOTs within each other. The parser is recursive, and no one writes as many.
_MAX_NESTING = 50
_SHOWN = 40


class _Token(NamedTuple):
    kind: str  # text, number, sign, word, quoted, keyword
    value: str


def compile_filter(text: str) -> Callable[[RowColumns], bool]:
    """Return the test that a filter describes. Raises MisuseError that names the place of a mistake."""
    parser = _Parser(text)
    test = parser.disjunction()
    parser.expect_end()
    return lambda columns: test(columns) is True


def columns_of(text: str) -> set[str]:
    """Return the names of the columns that a filter uses. Raises MisuseError where it cannot be read."""
    return {token.value for token in _tokens(text) if token.kind in ("word", "quoted")}


class _Parser:
    """A recursive descent over the tokens; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._nesting = 0

    def disjunction(self) -> RowTest:
        parts = [self._conjunction()]
        while self._take("OR"):
            parts.append(self._conjunction())
        return one_of(parts)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise self._expected("the end, AND or OR")

    def _conjunction(self) -> RowTest:
        parts = [self._negation()]
        while self._take("AND"):
            parts.append(self._negation())
        return every_of(parts)

    def _negation(self) -> RowTest:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise MisuseError(f"--where has more than {_MAX_NESTING} brackets or NOTs within each other")
        test = self._negated_or_grouped() or self._predicate()
        self._nesting -= 1
        return test

    def _negated_or_grouped(self) -> RowTest | None:
        if self._take("NOT"):
            return negation(self._negation())
        if self._take("("):
            inner = self.disjunction()
            self._need(")")
            return inner
        return None

    def _predicate(self) -> RowTest:
        column = self._column()
        if self._take("IS"):
            negated = self._take("NOT")
            self._need("NULL")
            return negation(is_null(column)) if negated else is_null(column)
        if self._take("NOT"):
            return negation(self._set_predicate(column))
        for sign, compare in _COMPARE.items():
            if self._take(sign):
                return comparison(column, compare, self._literal())
        return self._set_predicate(column)

    def _set_predicate(self, column: str) -> RowTest:
        if self._take("IN"):
            return one_of([comparison(column, operator.eq, choice) for choice in self._choices()])
        if self._take("BETWEEN"):
            low = comparison(column, operator.ge, self._literal())
            self._need("AND")
            return every_of([low, comparison(column, operator.le, self._literal())])
        if self._take("LIKE"):
            return like(column, str(self._literal()))
        raise self._expected("a comparison: =, !=, <, <=, >, >=, IN, BETWEEN, LIKE or IS NULL")

    def _choices(self) -> list[Any]:
        self._need("(")
        choices = [self._literal()]
        while self._take(","):
            choices.append(self._literal())
        self._need(")")
        return choices

    def _column(self) -> str:
        if (token := self._next()) and token.kind in ("word", "quoted"):
            return token.value
        self._at -= 1
        raise self._expected("the name of a column")

    def _literal(self) -> Any:
        token = self._next()
        if token and token.kind == "text":
            return token.value
        if token and token.kind == "number":
            return self._number(token.value)
        if token and token.kind == "keyword" and token.value in ("TRUE", "FALSE"):
            return token.value == "TRUE"
        self._at -= 1
        raise self._expected("a value: 'text' in single quotes, a number, TRUE or FALSE")

    def _number(self, text: str) -> Decimal:
        try:
            return Decimal(text)
        except InvalidOperation:
            raise MisuseError(f"--where has the number {text[:_SHOWN]}, which is out of range") from None

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
            raise self._expected(value)

    def _expected(self, expected: str) -> MisuseError:
        read = " ".join(token.value for token in self._tokens[: self._at])
        return MisuseError(f"--where {self._text!r}: expected {expected} after {read!r}")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found:
            rest = _SPACE.sub("", text[at : at + _SHOWN], count=1)
            raise MisuseError(f"--where cannot be read from {rest!r} on. Texts stand in single quotes")
        at = found.end()
        kind = str(found.lastgroup)
        value = found[kind]
        if kind == "text":
            value = value[1:-1].replace("''", "'")
        elif kind == "quoted":
            value = value.replace('""', '"')
        elif kind == "word" and value.upper() in _KEYWORDS:
            kind, value = "keyword", value.upper()
        yield _Token(kind, value)
