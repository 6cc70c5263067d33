"""An item that keeps a history, and the settings of its archive."""

from typing import Any

from tests.infra.query.conftest import Delivered
from tests.transform.builders import EVENT_US, change
from ttl_archive.transform.settings import Settings

CONFIG = """\
[table]
name = "devices"
ttl_attribute = "ttl"
keys = ["id"]

[select]
changes = "all"

[output]
row = "envelope"
"""
MINUTE_US = 60_000_000
DAY = "2025-11-21"


def image(temperature: str, item: str = "d1", **attributes: Any) -> dict[str, Any]:
    return {"id": {"S": item}, "temperature": {"N": temperature}} | attributes


def at(minute: int, kind: str, new: dict[str, Any], us: int = 0) -> dict[str, Any]:
    """A change so many minutes after EVENT_US."""
    time = {"ApproximateCreationDateTime": EVENT_US + minute * MINUTE_US + us}
    return change(new, kind, dynamodb=time | {"Keys": {"id": new["id"]}}, eventID=f"{minute}-{us}")


def life(settings: Settings, delivered: Delivered) -> None:
    """An item that was written, updated and removed by TTL, with copies, and out of order."""
    changes = [
        at(0, "insert", image("21.5", note={"S": "ab\n"})),
        at(5, "modify", image("22.0", tags={"SS": ["a"]})),
        at(9, "ttl", image("22.0", tags={"SS": ["a"]})),
    ]
    delivered.deliver(settings, changes[2], changes[0], day=DAY)
    delivered.deliver(settings, changes[1], changes[0], day="2025-11-22")
