"""The unit of each TTL value of a sample, and whether DynamoDB would ever delete the item.

DynamoDB deletes an item when its TTL attribute is a Number of epoch seconds that passed at most five years
ago. It ignores every other value without an error.
Source: DynamoDB Developer Guide, time-to-live-ttl-how-to, time-to-live-ttl-before-you-start.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from ttl_archive.infra.evidence.config_text import percentage
from ttl_archive.infra.sql.grammar import TIMESTAMP
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.transform.selection import TTL_MAX_AGE_S

# As seconds, 1E11 is the year 5138; as milliseconds, it is 1973. As microseconds, 1E14 is 1973.
_FIRST_MILLISECOND = Decimal(10**11)
_FIRST_MICROSECOND = Decimal(10**14)
_DATE_BEGINS = re.compile(r"\d{4}-\d\d-\d\d")


class TtlKind(StrEnum):
    """What a TTL value is. Only items with EPOCH_SECONDS are ever deleted."""

    EPOCH_SECONDS = "epoch seconds"
    LONG_PAST = "seconds more than five years in the past"
    MILLISECONDS = "milliseconds"
    FINER = "microseconds or nanoseconds"
    NUMBER_IN_TEXT = "a number in a text"
    DATE_IN_TEXT = "a date in a text"
    OTHER_TYPE = "another type than Number"
    MISSING = "no value"


REMEDIES_OF_TTL: dict[TtlKind, str] = {
    TtlKind.LONG_PAST: "DynamoDB ignores them: delete the items, or set a later time",
    TtlKind.MILLISECONDS: "DynamoDB reads seconds: divide by 1,000 where items are written, and update these",
    TtlKind.FINER: "DynamoDB reads seconds: write seconds, and update these items",
    TtlKind.NUMBER_IN_TEXT: "DynamoDB ignores type S: write the value as a Number, and update these items",
    TtlKind.DATE_IN_TEXT: "DynamoDB ignores dates: write epoch seconds as a Number, and update these items",
    TtlKind.OTHER_TYPE: "DynamoDB ignores them: write epoch seconds as a Number, and update these items",
}


@dataclass(slots=True)
class TtlEvidence:
    """How many items of a sample have a TTL value of each kind."""

    attribute: str
    now_s: int
    counts: Counter[TtlKind] = field(default_factory=Counter)

    def add(self, item: Item) -> TtlKind:
        """Count an item, and return the kind of its value."""
        kind = ttl_kind(item.get(self.attribute), self.now_s)
        self.counts[kind] += 1
        return kind


def ttl_kind(value: dict[str, Any] | None, now_s: int) -> TtlKind:
    """Return the kind of the TTL attribute's value, None when an item has none. `now_s` is epoch seconds."""
    if value is None:
        return TtlKind.MISSING
    if isinstance(text := value.get("S"), str):
        return _kind_of_text(text)
    try:
        seconds = Decimal(value["N"])
    except (KeyError, InvalidOperation, TypeError):
        return TtlKind.OTHER_TYPE
    if seconds >= _FIRST_MICROSECOND:
        return TtlKind.FINER
    if seconds >= _FIRST_MILLISECOND:
        return TtlKind.MILLISECONDS
    return TtlKind.EPOCH_SECONDS if seconds >= now_s - TTL_MAX_AGE_S else TtlKind.LONG_PAST


def _kind_of_text(text: str) -> TtlKind:
    if re.fullmatch(TIMESTAMP, text) or _DATE_BEGINS.match(text):
        return TtlKind.DATE_IN_TEXT
    try:
        Decimal(text)
    except InvalidOperation:
        return TtlKind.OTHER_TYPE
    return TtlKind.NUMBER_IN_TEXT


def ttl_sentences(ttl: TtlEvidence) -> list[str]:
    """Return what the TTL values are, and what to do about those that DynamoDB ignores."""
    total = ttl.counts.total()
    found = [f"{kind} in {percentage(count, total)}" for kind, count in ttl.counts.most_common()]
    sentences = [f"Values of {ttl.attribute}: {', '.join(found)} of the items."] if found else []
    for kind, remedy in REMEDIES_OF_TTL.items():
        if count := ttl.counts[kind]:
            sentences.append(f"{percentage(count, total)} of the items never expire, with {kind}. {remedy}.")
    return sentences
