"""How deep JSON is nested, decided from its bytes, so that the answer is the same on every interpreter.

A JSON decoder recurses, and each Python version stops it at another depth: 3.11 near 1,000 levels, 3.13 near
10,000. What a decoder must never decide is checked here first.
"""

import re
from itertools import accumulate

from ttl_archive.transform.limits import MAX_NESTING

_ARRAY = ord("[")  # bytes find a number faster than other bytes
_BYTES_OF_A_LEVEL = 4  # {"": opens a level of objects; only an array opens one with fewer bytes
# Possessive, because a group that may be given back costs 100 bytes of memory for each byte of a string.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"{[]}"))
_STEP = {ord("{"): 1, ord("["): 1, ord("]"): -1, ord("}"): -1}


def is_too_deep(data: bytes, max_levels: int = MAX_NESTING) -> bool:
    """Whether some JSON object or array in the data lies inside more than max_levels - 1 others.

    Most data is too short for that, or has too few opening brackets. The rest is scanned as a decoder would,
    which ignores the brackets in strings.
    """
    if len(data) < _BYTES_OF_A_LEVEL * max_levels and _ARRAY not in data:
        return False
    # `replace` finds a byte several times faster than `count` does.
    without_arrays = data.replace(b"[", b"")
    arrays = len(data) - len(without_arrays)
    if arrays + len(without_arrays) // _BYTES_OF_A_LEVEL < max_levels:
        return False
    openings = len(data) - len(without_arrays.replace(b"{", b""))
    # Each },{ of a list closes a level before it opens one. One in a string brings its own {.
    if openings <= max_levels or openings - data.count(b"},{") < max_levels:
        return False
    brackets = _STRING.sub(b"", data).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets), initial=0)) > max_levels
