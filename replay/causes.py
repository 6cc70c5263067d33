"""Why a record is refused: the code, the attribute that is to blame, and what to do about it.

The attribute is found by asking the transform itself: which one is refused alone, or which two together. A
cause has names of attributes, and no value of an item.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform.convert import converter
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.records import parse_record
from ttl_archive.transform.settings import Settings

# Codes that one attribute, or two together, bring about.
OF_ATTRIBUTES = frozenset({"BadAttributeValue", "BadBinary", "BadNumber", "ColumnCollision", "TooDeep"})
_MAX_DEPTH = 40  # of the search within maps and lists; DynamoDB allows 32 levels

Path = tuple[str | int, ...]
Explain = Callable[[FailedRecord | Unreadable, Refused], "Cause"]


@dataclass(frozen=True, slots=True)
class Cause:
    """A code with the paths of the attributes to blame; with OtherTable, `table` is the record's table."""

    code: str
    paths: tuple[Path, ...] = ()
    table: str = ""

    @property
    def attribute(self) -> str:
        """The paths as text: `a.b`, or two of them."""
        return self.table or " and ".join(path_text(path) for path in self.paths)


def explainer(settings: Settings) -> Explain:
    """Return the function that finds the cause of a refusal. It raises nothing."""
    convert = converter(settings)

    def explain(record: FailedRecord | Unreadable, refused: Refused) -> Cause:
        if isinstance(record, Unreadable):
            return Cause(refused.code)
        try:
            data = record.data()
            if refused.code == "OtherTable":
                return Cause(refused.code, table=parse_record(data).table() or "")
            if refused.code in OF_ATTRIBUTES:
                return Cause(refused.code, _blamed(data, refused.code, convert))
        except (RecordError, ValueError, RecursionError, TypeError, AttributeError, KeyError):
            pass  # what is no change record has no attributes
        return Cause(refused.code)

    return explain


def path_text(path: Path) -> str:
    """Return a path for people: names joined by dots, places in a list in brackets."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _blamed(data: bytes, code: str, convert: Callable[[bytes], object]) -> tuple[Path, ...]:
    """Return the paths of the fewest attributes with which the record is still refused with this code."""
    record = json.loads(data)
    images = record["dynamodb"]
    name = "OldImage" if record["eventName"] == "REMOVE" else "NewImage"
    image = images[name]

    def is_refused(part: Any) -> bool:
        images[name] = part
        try:
            convert(json.dumps(record).encode())
        except RecordError as error:
            return error.code == code
        return False

    return _search(image, is_refused, ()) if is_refused(image) else ()


def _search(attributes: Any, is_refused: Callable[[Any], bool], path: Path) -> tuple[Path, ...]:
    """Return the paths to blame in the attributes of an image or a map, or the elements of a list."""
    is_map = isinstance(attributes, dict)
    members = list(attributes.items()) if is_map else list(enumerate(attributes))

    def refused(some: Sequence[tuple[Any, Any]]) -> bool:
        return is_refused(dict(some) if is_map else [value for _, value in some])

    found = _fewest(members, refused)
    if len(found) != 1 or len(path) >= _MAX_DEPTH:
        return tuple((*path, name) for name, _ in found) or ((path,) if path else ())
    ((name, value),) = found
    for kind in ("M", "L"):
        inner = value.get(kind) if isinstance(value, dict) and len(value) == 1 else None
        if isinstance(inner, (dict, list)) and inner:

            def inner_refused(part: Any, kind: str = kind, name: Any = name) -> bool:
                return is_refused({name: {kind: part}} if is_map else [{kind: part}])

            return _search(inner, inner_refused, (*path, name)) or ((*path, name),)
    return ((*path, name),)


def _fewest(members: list[Any], refused: Callable[[Sequence[Any]], bool]) -> list[Any]:
    """Return one member that is refused alone, or two that are refused together; else none.

    With the first n members refused and one less not, the last of them is to blame. Linear in the members.
    """
    low, high = 0, len(members)
    if not refused(members):
        return []
    while low + 1 < high:
        middle = (low + high) // 2
        if refused(members[:middle]):
            high = middle
        else:
            low = middle
    last = members[high - 1]
    if refused([last]):
        return [last]
    partner = next((each for each in members[: high - 1] if refused([each, last])), None)
    return [] if partner is None else [partner, last]
