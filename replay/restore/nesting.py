"""How deeply a JSON text is nested: in linear time, without recursion, alike on every interpreter."""

import re

# DynamoDB allows 32 levels, and DynamoDB JSON writes two brackets for each: {"M": {...}}. Twice that.
# Source: DynamoDB Developer Guide, constraints, nesting depth.
MAX_BRACKETS = 128
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def is_too_deep(text: bytes) -> bool:
    """Return whether valid JSON has more than MAX_BRACKETS brackets open at one place."""
    if text.count(b"{") + text.count(b"[") <= MAX_BRACKETS:
        return False
    brackets = _STRING.sub(b"", text).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_BRACKETS):  # each round removes the innermost level
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
