"""The operators of filter patterns: what one value of an event has to be.

A value is compared as AWS's own matcher holds it: a string between double quotes, anything else as its JSON
text. So `"300"` is no number, `"null"` is not null, and no number has a prefix.

Source: aws/event-ruler:README.md @337e8d9; LDG, invocation-eventfiltering.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

Test = Callable[[str], bool]


class InvalidPattern(Exception):  # noqa: N818 - named after what it is about
    """A filter pattern that AWS refuses; the message is that of EventBridge where one was recorded."""


class JsonNumber(str):
    """The text of a JSON number in a pattern."""


def value_text(value: Any) -> str:
    """Return a leaf of an event as it is compared: `"text"`, 300, true or null."""
    if isinstance(value, str) and not isinstance(value, JsonNumber):
        return f'"{value}"'
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def exact(value: Any) -> Test:
    """Return the test for equality. Numbers are equal by value: 300.0 is 300 (LS-pat)."""
    text, number = value_text(value), _number(value_text(value))
    return lambda found: found == text or (number is not None and _number(found) == number)


def operator_test(name: str, argument: Any) -> Test:
    """Return the test of an operator. Raises InvalidPattern."""
    if name not in _OPERATORS:
        raise InvalidPattern(f"Unrecognized match type {name}")
    return _OPERATORS[name](argument)


def _prefix(argument: Any) -> Test:
    if isinstance(argument, Mapping):
        text = _ignoring_case(argument, "prefix")
        return lambda found: found.lower().startswith(f'"{text}')
    text = _text(argument, "prefix match pattern must be a string")
    return lambda found: found.startswith(f'"{text}')


def _suffix(argument: Any) -> Test:
    if isinstance(argument, Mapping):
        text = _ignoring_case(argument, "suffix")
        return lambda found: found.lower().endswith(f'{text}"')
    text = _text(argument, "suffix match pattern must be a string")
    return lambda found: found.endswith(f'{text}"')


def _ignoring_case(argument: Mapping[str, Any], operator: str) -> str:
    """Return the lower-case text of `{"prefix": {"equals-ignore-case": text}}`."""
    name, text = _only_member(argument)
    if name != "equals-ignore-case":
        raise InvalidPattern(f"Unsupported {operator} pattern: {name}")
    return _text(text, "equals-ignore-case match pattern must be a string").lower()


def _equals_ignore_case(argument: Any) -> Test:
    text = value_text(_text(argument, "equals-ignore-case match pattern must be a string")).lower()
    return lambda found: found.lower() == text


def _exactly(argument: Any) -> Test:
    return exact(_text(argument, "exact match pattern must be a string"))


def _wildcard(argument: Any) -> Test:
    text = _text(argument, "wildcard match pattern must be a string")
    pattern = re.compile(f'"{_wildcard_expression(text)}"', re.DOTALL)
    return lambda found: pattern.fullmatch(found) is not None


def _wildcard_expression(text: str) -> str:
    r"""Return a regular expression for `*`; `\*` and `\\` stand for the characters themselves."""
    parts: list[str] = []
    for match in re.finditer(r"\\(.?)|\*|[^\\*]+", text, re.DOTALL):
        if match[0] == "*":
            if parts and parts[-1] == ".*":
                # The position is the first one's, counted with the quote before the text (LS-pat).
                raise InvalidPattern(f"Consecutive wildcard characters at pos {match.start()}")
            parts.append(".*")
        elif match[1] is not None:
            if match[1] not in ("*", "\\"):
                raise InvalidPattern(f"Invalid escape character at pos {match.start() + 1}")
            parts.append(re.escape(match[1]))
        else:
            parts.append(re.escape(match[0]))
    return "".join(parts)


def _anything_but(argument: Any) -> Test:
    if isinstance(argument, Mapping):
        excluded = _excluded_by_operator(argument)
    elif isinstance(argument, list):
        excluded = _excluded_values(argument)
    elif isinstance(argument, str):
        excluded = [exact(argument)]
    else:
        raise InvalidPattern("Value of anything-but must be an array or single string/number value.")
    return lambda found: not any(test(found) for test in excluded)


def _excluded_values(values: list[Any]) -> list[Test]:
    if any(not isinstance(value, str) for value in values):
        raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(value, JsonNumber) for value in values}) != 1:
        raise InvalidPattern(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )
    return [exact(value) for value in values]


def _excluded_by_operator(argument: Mapping[str, Any]) -> list[Test]:
    """Return the tests of `{"anything-but": {"prefix": "a"}}`, which takes a list as well."""
    name, operand = _only_member(argument)
    if name not in _NOT_A_STRING:
        raise InvalidPattern(f"Unsupported anything-but pattern: {name}")
    values = operand if isinstance(operand, list) else [operand]
    if any(isinstance(value, Mapping) for value in values):
        raise InvalidPattern("Value of anything-but must be an array or single string/number value.")
    for value in values:
        if _text(value, _NOT_A_STRING[name]) == "" and name in ("prefix", "suffix"):
            raise InvalidPattern("Null prefix/suffix not allowed")
    return [operator_test(name, value) for value in values]


def _numeric(argument: Any) -> Test:
    if not isinstance(argument, list):
        raise InvalidPattern("Value of numeric must be an array.")
    bounds = _bounds(argument)

    def matches(found: str) -> bool:
        number = _number(found)
        return number is not None and all(compare(number) for compare in bounds)

    return matches


def _bounds(terms: list[Any]) -> list[Callable[[Decimal], bool]]:
    """Return the comparisons of `["=", 1]`, `["<", 1]` or `[">", 1, "<=", 5]`."""
    first = terms[0] if terms else None
    if not isinstance(first, str) or isinstance(first, JsonNumber):
        raise InvalidPattern(f"Invalid member in numeric match: {first}")
    if first not in _COMPARISONS:
        raise InvalidPattern(f"Unrecognized numeric range operator: {first}")
    bottom, rest = terms[1:2], terms[2:]
    if not rest:
        return [_bound(first, bottom)]
    if first not in (">", ">="):
        raise InvalidPattern("Too many elements in numeric expression")
    if rest[0] not in ("<", "<="):
        raise InvalidPattern(f"Bad numeric range operator: {rest[0]}")
    bounds = [_bound(first, bottom), _bound(rest[0], rest[1:])]
    if Decimal(bottom[0]) >= Decimal(rest[1]):
        raise InvalidPattern("Bottom must be less than top")
    return bounds


def _bound(operator: str, limits: list[Any]) -> Callable[[Decimal], bool]:
    """Return the comparison with the only limit."""
    if not limits or not isinstance(limits[0], JsonNumber):
        raise InvalidPattern(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    if len(limits) > 1:
        raise InvalidPattern("Too many terms in numeric range expression")
    compare, limit = _COMPARISONS[operator], Decimal(limits[0])
    return lambda number: compare(number, limit)


def _cidr(argument: Any) -> Test:
    text = _text(argument, "prefix match pattern must be a string")  # the message is AWS's (LS-pat)
    address, separator, mask = text.partition("/")
    if not separator or "/" in mask:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    if not mask.isdecimal():
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidPattern(f"Nonstandard IP address: {address}") from None
    return lambda found: _is_within(found, network)


def _is_within(found: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return found.startswith('"') and ipaddress.ip_address(found[1:-1]) in network
    except ValueError:
        return False


def _only_member(argument: Mapping[str, Any]) -> tuple[str, Any]:
    if len(argument) != 1:
        raise InvalidPattern("Only one key allowed in match expression")
    ((name, value),) = argument.items()
    return name, value


def _text(value: Any, otherwise: str) -> str:
    if not isinstance(value, str) or isinstance(value, JsonNumber):
        raise InvalidPattern(otherwise)
    return value


def _number(text: str) -> Decimal | None:
    try:
        return None if text.startswith('"') else Decimal(text)
    except InvalidOperation:
        return None


_COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "=": Decimal.__eq__,
    "<": Decimal.__lt__,
    "<=": Decimal.__le__,
    ">": Decimal.__gt__,
    ">=": Decimal.__ge__,
}
_OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "exactly": _exactly,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "wildcard": _wildcard,
    "cidr": _cidr,
}
# What anything-but takes as an operator, with the message for a value that is no string.
_NOT_A_STRING: Mapping[str, str] = {
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "equals-ignore-case": (
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
    ),
    "wildcard": "wildcard match pattern must be a string",
}
