"""[[columns]] for the attributes of a sample, each with a type that every value of the sample fits.

values of the sample                        type             because
whole numbers of at most 18 digits          bigint           exact
other numbers, up to 15 digits in all       decimal(18,s)    s digits behind the point, room for longer ones
other numbers, up to 38 digits in all       decimal(38,s)    Athena's longest
numbers that no decimal holds together      string           the text is exact
texts that all are timestamps               timestamp
other texts, binary, two types              string           scalars as text, the rest as JSON
true and false                              boolean
maps, lists, sets                           json
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ttl_archive.infra.evidence.attribute_evidence import AttributeEvidence, NumberEvidence, SampleEvidence
from ttl_archive.infra.evidence.column_names import choose_column_names
from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, REST_COLUMN, Column

_CONTAINERS = {"M", "L", "SS", "NS", "BS"}
# Digits of a bigint that always fit; the largest has 19. Source: Athena User Guide, data types.
_BIGINT_DIGITS = 18
_SHORT_DIGITS, _LONG_DIGITS = 18, 38
_ROOM_DIGITS = 3


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """A column, with the evidence for it."""

    column: Column
    evidence: AttributeEvidence


def propose_columns(
    evidence: SampleEvidence,
    *,
    date_column: str,
    ttl_attribute: str,
    keys: Sequence[str] = (),
    max_columns: int,
    declared: Iterable[Column] = (),
) -> list[ProposedColumn]:
    """Return a column for each attribute without one, keys first, then by the share of items.

    The TTL attribute is a number where any value is one, because items with another value never expire.
    Beyond `max_columns`, only attributes that collide with another name get a column, because their items
    would be refused without it. `declared` are columns that exist already.
    """
    declared = list(declared)
    has_column = {column.path[0] for column in declared}
    attributes = [each for each in evidence.top_level() if each.path[0] not in has_column]
    needed = _colliding(evidence, date_column, declared)
    order = sorted(attributes, key=lambda each: _rank(each.path[0], keys, needed))
    room = max(0, max_columns - len(declared))
    chosen = [each for n, each in enumerate(order) if n < room or each.path[0] in needed]
    seen = [each.path[0] for each in evidence.top_level()]
    others = [date_column, *(column.name for column in declared)]
    names = choose_column_names([each.path for each in chosen], seen, others)
    return [
        ProposedColumn(Column(names[each.path], each.path, _type_for(each, ttl_attribute)), each)
        for each in chosen
    ]


def column_type_of(evidence: AttributeEvidence) -> str:
    """Return the narrowest type that all values fit."""
    types = set(evidence.types) - {"NULL"}
    if types == {"N"}:
        return _number_type(evidence.numbers)
    if types == {"S"}:
        return "timestamp" if evidence.texts_are_timestamps else "string"
    if types == {"BOOL"}:
        return "boolean"
    return "json" if types and types <= _CONTAINERS else "string"


def _type_for(evidence: AttributeEvidence, ttl_attribute: str) -> str:
    if evidence.path == (ttl_attribute,) and evidence.types["N"]:
        return _number_type(evidence.numbers)
    return column_type_of(evidence)


def _number_type(numbers: NumberEvidence) -> str:
    if numbers.are_integers and numbers.whole_digits <= _BIGINT_DIGITS:
        return "bigint"
    digits = numbers.whole_digits + numbers.fraction_digits
    if digits <= _SHORT_DIGITS - _ROOM_DIGITS:
        return f"decimal({_SHORT_DIGITS},{numbers.fraction_digits})"
    return f"decimal({_LONG_DIGITS},{numbers.fraction_digits})" if digits <= _LONG_DIGITS else "string"


def _colliding(evidence: SampleEvidence, date_column: str, declared: Sequence[Column]) -> set[str]:
    """Return the attributes that cannot pass through beside the other attributes and columns."""
    names = [each.path[0] for each in evidence.top_level()]
    own = {column.name for column in declared}
    taken = {*METADATA_COLUMNS, REST_COLUMN, IMAGE_COLUMN, date_column, *own}
    lowered = [name.lower() for name in names]
    return {name for name in names if name.lower() in taken or lowered.count(name.lower()) > 1}


def _rank(name: str, keys: Sequence[str], needed: set[str]) -> tuple[int, int]:
    """Return the place of an attribute: keys in their order, then those that need a column, then others."""
    if name in keys:
        return 0, list(keys).index(name)
    return (1, 0) if name in needed else (2, 0)
