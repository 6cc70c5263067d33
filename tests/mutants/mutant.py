"""A mutant: a small breakage of the product, with the tests of which every one must fail.

`old` occurs once in the file. When the code changes, its mutants change with it: a text that is not found is
an error, because a mutant that cannot be applied proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """What is broken, where, the text and its replacement, and the tests that must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
