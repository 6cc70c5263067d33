"""A case: an id, where its expectation comes from, and how far that can be relied on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

# R recorded on AWS, D documented by AWS, S seen in public, ? sources disagree or the outcome is inferred.
Grade = Literal["R", "D", "S", "?"]
ASSERTED = ("R", "D")

_TestFunction = Callable[..., None]


@dataclass(frozen=True)
class Case:
    """One row of the table of cases."""

    case_id: str
    grade: Grade
    source: str


def case(case_id: str, grade: Grade, source: str) -> Callable[[_TestFunction], _TestFunction]:
    """Mark a test as a case. Its name must have the id, so that the two cannot differ."""

    def mark(function: _TestFunction) -> _TestFunction:
        assert function.__name__.startswith(f"test_{case_id}_"), (
            f"{function.__name__} is not named after {case_id}"
        )
        return pytest.mark.case(Case(case_id, grade, source))(function)

    return mark


def not_verified(why: str) -> None:
    """Report that only AWS can settle this case, or that this endpoint cannot show it."""
    pytest.skip(f"not verified: {why}")


def matches(message: str, expected: str) -> bool:
    """Return whether a message is the expected one, in which `…` is any text."""
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, message, re.DOTALL) is not None


def assert_refusal(refusal: tuple[str, str], code: str, expected: str = "…") -> None:
    """Assert an error's code and message."""
    assert refusal[0] == code, refusal
    assert matches(refusal[1], expected), f"{refusal[1]!r} is not {expected!r}"


def members(value: Any) -> set[str]:
    """Return the names of an answer's members."""
    return set(value) - {"ResponseMetadata"}
