"""Filter patterns: which events a pattern matches, and which texts are no pattern.

A pattern names fields by their path, and a dotted name is a path as well. A field matches when one of its
leaves passes one of the tests listed for it; all fields have to match, with leaves of the same elements of
arrays. `exists` sees leaves only: a field that is an object does not count.

Source: LDG, invocation-eventfiltering; aws/event-ruler:README.md @337e8d9; LS-pat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.local.event_source.pattern_operators import (
    InvalidPattern,
    JsonNumber,
    Test,
    exact,
    operator_test,
    value_text,
)

# What the documentation of event filtering lists. Others are EventBridge's; whether a mapping takes them is
# UNVERIFIED.
DOCUMENTED_OPERATORS = frozenset(
    ("prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists")
)
_LEAST_ALTERNATIVES = 2
# aws/event-ruler:Constants.java, of those names that a field inside $or may not have.
_RESERVED_IN_OR = DOCUMENTED_OPERATORS | {"exactly", "wildcard", "cidr", "=", "<", "<=", ">", ">="}

Membership = Mapping[int, int]  # for each array around a leaf, by number: the index of the element


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object in a pattern, with duplicate names."""


@dataclass(frozen=True)
class FieldTests:
    """What is listed for one field: tests of its leaves, and whether having none matches too."""

    tests: Sequence[Test]
    absent_matches: bool = False


# One alternative of a pattern, by the path of each field. $or makes several.
_Branch = dict[str, FieldTests]


@dataclass(frozen=True)
class _Leaf:
    text: str
    arrays: Membership


class Pattern:
    """A compiled filter pattern. Raises InvalidPattern for a text that AWS refuses.

    `all_operators` accepts what EventBridge has beyond DOCUMENTED_OPERATORS, and operators in anything-but.
    """

    def __init__(self, text: str, *, all_operators: bool = False) -> None:
        try:
            document = json.loads(
                text, object_pairs_hook=_Members, parse_int=JsonNumber, parse_float=JsonNumber
            )
        except ValueError as error:
            raise InvalidPattern(f"Filter is not JSON: {error}") from None
        if not isinstance(document, _Members):
            raise InvalidPattern("Filter is not an object")
        self._branches = _Compiler(all_operators=all_operators).branches(document)
        paths = {tuple(path.split(".")) for branch in self._branches for path in branch}
        # An image can be large, and most of its attributes are in no pattern.
        self._used = {".".join(path[:end]) for path in paths for end in range(1, len(path) + 1)}

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event matches; numbers in it may be int, float or Decimal."""
        leaves: dict[str, list[_Leaf]] = {}
        for path, leaf in self._leaves(event, "", {}, _counter()):
            leaves.setdefault(path, []).append(leaf)
        return any(_branch_matches(list(branch.items()), leaves, {}) for branch in self._branches)

    def _leaves(
        self, value: Any, path: str, arrays: Membership, number: Callable[[], int]
    ) -> Iterator[tuple[str, _Leaf]]:
        """Yield the path and the text of everything named here that is neither an object nor an array."""
        if isinstance(value, Mapping):
            for name, member in value.items():
                member_path = f"{path}.{name}" if path else name
                if member_path in self._used:
                    yield from self._leaves(member, member_path, arrays, number)
        elif isinstance(value, list):
            array = number()
            for index, element in enumerate(value):
                # A value directly in an array belongs to no element (aws/event-ruler:Event.java).
                inner = {**arrays, array: index} if isinstance(element, (Mapping, list)) else arrays
                yield from self._leaves(element, path, inner, number)
        else:
            yield path, _Leaf(value_text(value), arrays)


class _Compiler:
    def __init__(self, *, all_operators: bool) -> None:
        self._all_operators = all_operators

    def branches(self, members: _Members) -> list[_Branch]:
        return self._object(members, "", [{}], inside_or=False)

    def _object(
        self, members: _Members, path: str, branches: list[_Branch], *, inside_or: bool
    ) -> list[_Branch]:
        if not members:
            raise InvalidPattern("Empty objects are not allowed")
        for name, value in members:
            if name == "$or":
                branches = self._or(value, path, branches)
                continue
            if inside_or and name in _RESERVED_IN_OR:
                raise InvalidPattern(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
            field = f"{path}.{name}" if path else name
            if isinstance(value, _Members):
                branches = self._object(value, field, branches, inside_or=inside_or)
            elif isinstance(value, list):
                tests = self._field(value)
                branches = [{**branch, field: tests} for branch in branches]
            else:
                raise InvalidPattern(f'"{name}" must be an object or an array')
        return branches

    def _or(self, alternatives: Any, path: str, branches: list[_Branch]) -> list[_Branch]:
        if not isinstance(alternatives, list) or isinstance(alternatives, _Members):
            raise InvalidPattern("It must be an Array followed with $or.")
        if not all(isinstance(each, _Members) for each in alternatives):
            raise InvalidPattern("Only JSON object is allowed in array of $or relationship.")
        if len(alternatives) < _LEAST_ALTERNATIVES:
            raise InvalidPattern("There must have at least 2 Objects in $or relationship.")
        return [
            branch for each in alternatives for branch in self._object(each, path, branches, inside_or=True)
        ]

    def _field(self, values: list[Any]) -> FieldTests:
        if not values:
            raise InvalidPattern("Empty arrays are not allowed")
        tests: list[Test] = []
        absent_matches = False
        for value in values:
            if not isinstance(value, list):
                tests.append(exact(value))
                continue
            name, argument = self._operator(value)
            if name != "exists":
                tests.append(operator_test(name, argument))
            elif argument is False:
                absent_matches = True
            else:
                tests.append(lambda _: True)
        return FieldTests(tests, absent_matches)

    def _operator(self, value: list[Any]) -> tuple[str, Any]:
        """Return the name and the argument of a match expression."""
        if not isinstance(value, _Members):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        if not value:
            raise InvalidPattern("Match expression name not found")
        if len(value) > 1:
            raise InvalidPattern("Only one key allowed in match expression")
        name, argument = value[0][0], _plain(value[0][1])
        if name == "exists" and not isinstance(argument, bool):
            raise InvalidPattern("exists match pattern must be either true or false.")
        if not self._all_operators:
            _require_documented(name, argument)
        return name, argument


def _require_documented(name: str, argument: Any) -> None:
    if name in ("wildcard", "cidr", "exactly") or (name == "anything-but" and isinstance(argument, Mapping)):
        raise InvalidPattern(
            f"{name} is used in a way that event filtering does not document. Whether a mapping takes it is"
            " not verified; all_operators=True accepts it here."
        )


def _plain(value: Any) -> Any:
    """Return an operator's argument with its objects as dicts; there the last of equal names wins."""
    if isinstance(value, _Members):
        return {name: _plain(member) for name, member in value}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _branch_matches(
    fields: Sequence[tuple[str, FieldTests]], leaves: Mapping[str, Sequence[_Leaf]], chosen: Membership
) -> bool:
    """Return whether every field has a leaf that passes, all in the same elements of arrays."""
    if not fields:
        return True
    (path, wanted), *rest = fields
    found = leaves.get(path, ())
    if wanted.absent_matches and not found and _branch_matches(rest, leaves, chosen):
        return True
    return any(
        _branch_matches(rest, leaves, {**chosen, **leaf.arrays})
        for leaf in found
        if all(chosen.get(array, index) == index for array, index in leaf.arrays.items())
        and any(test(leaf.text) for test in wanted.tests)
    )


def _counter() -> Callable[[], int]:
    numbers = iter(range(1 << 62))
    return lambda: next(numbers)
