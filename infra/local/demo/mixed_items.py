"""A table of mixed item types, as tables become over the years; it is made, and has no real data.

what is mixed                                              in
the customer's attribute was renamed: customerID           the first half of the items
  to customer_id, and an item was migrated with both       every 50th item
the TTL attribute is in milliseconds                       every 10th item
  a date in a text, or missing                             two items each
serial has 38 digits; total two behind the point           all items
status and Status in one item, of two systems              every 40th item
an attribute dt, the name of the archive's date column     one item
note is a text, a number or a map; binary, sets, lists     some items

    python -m ttl_archive.infra.local.demo.mixed_items > orders.jsonl

writes items that expire within the nine days that begin two weeks ago, so that each of these days is over.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ttl_archive.replay.items.attribute_values import Item

TABLE = "Orders"
KEY = "orderId"
TTL_ATTRIBUTE = "expiresAt"
COUNT = 200
FIRST_EXPIRY = datetime(2027, 1, 1, tzinfo=UTC)
_AGE = timedelta(days=14)  # of the first expiry, in what the module prints
_HOUR_S = 3600
_FIRST_SERIAL = 12345678901234567890123456789012345000
_NOTES = ({"S": "gift"}, {"N": "2"}, {"M": {"text": {"S": "call first"}, "by": {"S": "ops"}}})


def mixed_items(first_expiry: datetime = FIRST_EXPIRY) -> Iterator[Item]:
    """Yield the items in DynamoDB JSON. Most of them expire within 200 hours of `first_expiry`."""
    for number in range(COUNT):
        yield _order(number, int(first_expiry.timestamp()))


def _order(number: int, first_expiry_s: int) -> Item:
    item: Item = {
        KEY: {"S": f"order-{number:04d}"},
        "createdAt": {"S": f"2025-{number % 12 + 1:02d}-{number % 28 + 1:02d}T08:00:00Z"},
        "serial": {"N": str(_FIRST_SERIAL + number)},
        "total": {"N": f"{number * 3}.{number % 9 + 1}5"},
        "paid": {"BOOL": number % 3 == 0},
        "address": {"M": {"city": {"S": "Lyon"}, "geo": {"M": {"lat": {"N": "45.764043"}}}}},
    }
    item |= _customer(number) | _expiry(number, first_expiry_s)
    if number % 4 == 0:
        item["note"] = _NOTES[number % 3]
    if number % 40 == 5:
        item |= {"status": {"S": "shipped"}, "Status": {"N": "3"}}
    if number == 11:
        item["dt"] = {"S": "2026-11-21"}
    if number % 25 == 1:
        item |= {"tags": {"SS": ["b", "a"]}, "label": {"B": "EgIIew=="}, "lines": {"L": [{"N": "1"}]}}
    return item


def _customer(number: int) -> Item:
    old, new = {"customerID": {"S": f"c{number}"}}, {"customer_id": {"S": f"c{number}"}}
    if number % 50 == 49:
        return old | new
    return old if number < COUNT // 2 else new


def _expiry(number: int, first_expiry_s: int) -> Item:
    seconds = first_expiry_s + number * _HOUR_S
    if number % 10 == 3:
        return {TTL_ATTRIBUTE: {"N": str(seconds * 1000)}}
    if number in (20, 21):
        return {TTL_ATTRIBUTE: {"S": "2027-01-01T00:00:00Z"}}
    return {} if number in (30, 31) else {TTL_ATTRIBUTE: {"N": str(seconds)}}


if __name__ == "__main__":
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for each in mixed_items(today - _AGE):
        sys.stdout.write(json.dumps(each) + "\n")
