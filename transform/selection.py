"""The changes that are kept, and the rules by which the others are dropped."""

from decimal import Decimal
from typing import Literal

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import Image
from ttl_archive.transform.numbers import number
from ttl_archive.transform.records import ChangeRecord
from ttl_archive.transform.settings import Settings

RemovedBy = Literal["ttl", "ttl-inferred", "user"]

# The TTL process ignores items that expired more than five years ago; the exact limit is UNVERIFIED.
# Source: DynamoDB Developer Guide, Using time to live (TTL).
TTL_MAX_AGE_S = 5 * 365 * 86_400

# Who removed the item (None when the change is not a removal) -> the rule that counts the drop.
DROP_RULES: dict[RemovedBy | None, str] = {
    None: "not-a-removal",
    "user": "user-removal",
    "ttl": "ttl-removal",
    "ttl-inferred": "ttl-removal",
}
_KEPT: dict[str, frozenset[RemovedBy | None]] = {
    "ttl-removals": frozenset({"ttl", "ttl-inferred"}),
    "removals": frozenset({"ttl", "ttl-inferred", "user"}),
    "all": frozenset(DROP_RULES),
    "all-but-ttl-removals": frozenset({None, "user"}),
}


def drop_rules(settings: Settings) -> dict[RemovedBy | None, str]:
    """Return the drop rule of each kind of change that the settings do not keep."""
    kept = _KEPT[settings.select.changes]
    return {kind: rule for kind, rule in DROP_RULES.items() if kind not in kept}


def removed_by(change: ChangeRecord) -> RemovedBy | None:
    """Return who removed the item according to the record, or None when it is not a removal."""
    if change.event_name != "REMOVE":
        return None
    identity = change.user_identity
    return "ttl" if identity is not None and identity.is_dynamodb() else "user"


def ttl_had_passed(image: Image, ttl_attribute: str, at_us: int) -> bool:
    """Return whether the TTL process may have removed an item with this image at that time.

    The TTL attribute must be a Number of epoch seconds that passed at most five years ago. A replica of a
    global table has no other evidence: only the record of the Region that removed the item names the TTL
    process. A user's removal of an expired item looks the same.
    Source: DynamoDB Developer Guide, time-to-live-ttl-streams.
    Raises RecordError `BadNumber` or `BadAttributeValue`: a damaged time must not decide a drop.
    """
    value = image.get(ttl_attribute)
    if value is None:
        return False
    if len(value) != 1:
        raise RecordError("BadAttributeValue")
    if "N" not in value:
        return False
    number(value["N"])
    expires_s = Decimal(value["N"])
    at_s = Decimal(at_us) / 1_000_000
    return at_s - TTL_MAX_AGE_S <= expires_s <= at_s
