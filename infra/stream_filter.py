"""The filter of an event source mapping on DynamoDB Streams, derived from [select].

changes                filter at the source
ttl-removals           removals by the TTL process; with infer_replica_ttl, every removal
removals               removals
all-but-ttl-removals   what is no removal, and every removal without the whole identity of the TTL process
all                    none

A record that does not match is passed over for good, so a filter may leave out only what the transform drops
by a rule. What it lets through in addition costs an invocation, and the transform then drops it: every user's
removal with infer_replica_ttl, and inferred TTL removals with all-but-ttl-removals.

Source: DynamoDB Developer Guide, time-to-live-ttl-streams; AWS Lambda Developer Guide, event filtering.
"""

import json
from typing import Any

from ttl_archive.transform.settings import Select

Pattern = dict[str, Any]

_REMOVALS: Pattern = {"eventName": ["REMOVE"]}
_TTL_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_TTL_REMOVALS: Pattern = _REMOVALS | {
    "userIdentity": {member: [text] for member, text in _TTL_IDENTITY.items()}
}
# A user's change has no userIdentity, and anything-but matches no missing field. So each member has two
# alternatives; a filter on userIdentity itself would see no leaf, and match TTL removals too.
_NO_TTL_REMOVALS: tuple[Pattern, ...] = (
    {"eventName": [{"anything-but": ["REMOVE"]}]},
    *(
        {"userIdentity": {member: [{"exists": False}, {"anything-but": [text]}]}}
        for member, text in _TTL_IDENTITY.items()
    ),
)


def stream_patterns(select: Select) -> tuple[Pattern, ...]:
    """Return the patterns of which a record must match one. None means that every record is wanted."""
    if select.changes == "all":
        return ()
    if select.changes == "all-but-ttl-removals":
        return _NO_TTL_REMOVALS
    if select.changes == "removals" or select.infer_replica_ttl:
        return (_REMOVALS,)
    return (_TTL_REMOVALS,)


def filter_criteria(select: Select) -> dict[str, list[dict[str, str]]]:
    """Return the FilterCriteria of CreateEventSourceMapping; without filters it is an empty dict."""
    patterns = [json.dumps(pattern, separators=(",", ":")) for pattern in stream_patterns(select)]
    return {"Filters": [{"Pattern": pattern} for pattern in patterns]} if patterns else {}
