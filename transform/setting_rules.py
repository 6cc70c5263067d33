"""How a section of archive.toml is declared, once: a dataclass whose fields carry the rules of their keys.

    @dataclass(frozen=True, slots=True)
    class Output:
        format: Literal["jsonl", "csv"] = setting("jsonl")
        date_column: str = setting("dt", pattern=r"[a-z]+", expected="lower-case letters")
        buffer_mb: int = setting(128, least=1, most=128)
        bucket: str | None = setting(None, pattern=r"[a-z-]+", expected="the name of a bucket")

The annotation says what type a value has: bool, int, str, a Literal of the values that are allowed, or one of
these `| None`. A key without a default is required; the default None means that the key may be left out.
`read_section` and `read_sections` make the dataclass from what tomllib has read, and collect every mistake.
(The module that declares a section must not postpone its annotations.)
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

Section = TypeVar("Section")


@dataclass(frozen=True, slots=True)
class Rule:
    """What one key may hold; `expected` is that in words. Numbers have bounds, both included."""

    kind: type
    default: Any
    expected: str
    allowed: tuple[Any, ...] = ()
    least: int | None = None
    most: int | None = None
    pattern: str = ""
    convert: Callable[[Any], Any] | None = None

    @property
    def is_required(self) -> bool:
        """Whether the key has no default."""
        return self.default is MISSING

    def value(self, found: Any) -> Any:
        """Return the value that was found, converted where the rule says so. Raises ValueError."""
        if self.convert:
            return self.convert(found)
        if type(found) is not self.kind or not self._allows(found):
            raise ValueError(self.expected)
        return found

    def _allows(self, found: Any) -> bool:
        if self.allowed:
            return found in self.allowed
        if self.least is not None and self.most is not None:
            return bool(self.least <= found <= self.most)
        return not self.pattern or re.fullmatch(self.pattern, found) is not None


def setting(default: Any = MISSING, **rule: Any) -> Any:
    """Declare a key: a dataclass field with its default, and its Rule's arguments where they are needed.

    The arguments are `pattern`, `least` and `most`, `allowed` for numbers of which only some are allowed,
    `convert` (a function that returns the value to use or raises ValueError), and `expected`.
    """
    return field(default=default, metadata={"rule": rule})


def rules_of(section: type) -> dict[str, Rule]:
    """Return the rules of a section's keys, in the order of its fields."""
    return {each.name: _rule(each) for each in fields(section) if "rule" in each.metadata}


def _rule(declared: Field[Any]) -> Rule:
    given: Mapping[str, Any] = declared.metadata["rule"]
    kind: Any = declared.type
    allowed: tuple[Any, ...] = given.get("allowed", ())
    if isinstance(kind, UnionType):
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        kind, allowed = str, get_args(kind)
    expected = given.get("expected") or _expected(kind, allowed, given)
    own = {"kind": kind, "default": declared.default, "expected": expected, "allowed": allowed}
    return Rule(**{**given, **own})


def _expected(kind: type, allowed: tuple[Any, ...], given: Mapping[str, Any]) -> str:
    if kind is bool:
        return "true or false"
    if allowed:
        return "one of " + ", ".join(json.dumps(choice) for choice in allowed)
    return f"a whole number from {given['least']} to {given['most']}"


def read_section(section: type[Section], where: str, found: object, problems: list[str]) -> Section:
    """Return the section with defaults filled in, and add one sentence to the problems for each mistake.

    What is returned means something only when there is no problem.
    """
    rules = rules_of(section)
    if not isinstance(found, dict):
        problems.append(f"{where} has value {shown(found)}. It must be a section with {', '.join(rules)}")
        found, problems = {}, []  # one sentence says it all: no key of it is reported as missing
    problems += unknown_names(found, rules, f"key of {where}")
    return section(
        **{name: _read(f"{where} {name}", rules[name], found.get(name), problems) for name in rules}
    )


def read_sections(section: type[Section], name: str, found: object, problems: list[str]) -> list[Section]:
    """Return every [[name]] entry as `read_section` does."""
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        problems.append(f"{name} has value {shown(found)}. Write each of them as a [[{name}]] entry")
        return []
    return [read_section(section, f"[[{name}]] {n}", entry, problems) for n, entry in enumerate(found, 1)]


def _read(where: str, rule: Rule, found: Any, problems: list[str]) -> Any:
    if found is None:
        if rule.is_required:
            problems.append(f"{where} is missing. It must be {rule.expected}")
            return None
        return rule.default
    try:
        return rule.value(found)
    except ValueError:
        problems.append(f"{where} has value {shown(found)}. It must be {rule.expected}")
        return found


def unknown_names(found: Iterable[str], known: Iterable[str], what: str) -> list[str]:
    """Return one sentence for each name that is not known, with the closest name that is."""
    problems = []
    for name in found:
        if name not in known:
            from difflib import get_close_matches  # only a mistake has to pay for its import

            close = get_close_matches(name, known := list(known), 1)
            hint = f'Did you mean "{close[0]}"? ' if close else ""
            problems.append(f'"{name}" is not a {what}. {hint}Known: {", ".join(known)}')
    return problems


def shown(value: object) -> str:
    """Return a value as a message shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
