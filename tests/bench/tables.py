"""Tables as people have them, and what a learned shape saves on each.

table          items
flat-13        13 attributes, always the same; flat-50, flat-120 and flat-200 likewise
binary         13 attributes and three of binary, which the Kinesis feed encodes twice
types-2        two types of item, interleaved, with keys in common; types-5 and types-20 likewise
single-table   four types with PK, SK and type in common, two of them with nested attributes
optional-50    30 attributes, each of which is there in half of the items; optional-20 in a fifth
nulls          12 attributes, each NULL in 5 % of the items
maps           four maps of five members; map-20 has one of twenty
lists          two lists of three maps
names          attributes named by data, so that no two items agree
growing        an item that gets another attribute with every 20th change
changing       flat items that from the 501st on have other attributes

    python tables.py TABLE general|learned

converts 2,500 TTL removals of the table or more, without or with learned shapes, and marks the ends of PARTS.
It does so without the lossless image and then with it, which is the default. `table_counts` runs it.
"""

import sys
from base64 import b64encode
from collections.abc import Callable
from itertools import islice
from random import Random

from callgrind import mark, stop_the_clocks
from workloads import TABLE, Image, compact, removal

PARTS = {"cold": 1_000, "between": 1_000, "warm": 500}  # name of a part of the records -> how many
LONGER = {"types-20": 11_000}  # records between, until all types are known
PATHS = ("general", "learned")
MakeItem = Callable[[Random, int], Image]


def _attribute(random: Random, number: int) -> dict[str, object]:
    match number % 4:
        case 0:
            return {"S": f"text-{random.randrange(1000)}"}
        case 1:
            return {"BOOL": random.random() < 0.5}
        case 2:
            return {"N": f"{random.uniform(-20, 45):.1f}"}
    return {"N": str(random.randrange(10**6))}


def _attributes(random: Random, prefix: str, count: int, share: float = 1) -> Image:
    numbers = (number for number in range(count) if share == 1 or random.random() < share)
    return {f"{prefix}{number:03d}": _attribute(random, number) for number in numbers}


def _key(position: int) -> Image:
    return {"PK": {"S": f"ITEM#{position}"}}


def _flat(count: int, prefix: str = "a") -> MakeItem:
    return lambda random, position: _key(position) | _attributes(random, prefix, count - 1)


def _types(count: int) -> MakeItem:
    def make(random: Random, position: int) -> Image:
        kind = random.randrange(count)
        return _key(position) | {"SK": {"S": f"K{kind}"}} | _attributes(random, f"t{kind}_", 8 + kind % 5)

    return make


def _single_table(random: Random, position: int) -> Image:
    kind = random.choice(["user", "order", "address", "session"])
    item = _key(position) | {
        "SK": {"S": f"{kind}#{position}"},
        "type": {"S": kind},
        "ttl": {"N": "1767225600"},
    }
    if kind == "order":
        line = {"M": {"sku": {"S": "x"}, "count": {"N": "2"}}}
        return item | {"total": {"N": "12.50"}, "lines": {"L": [line] * 3}, "state": {"S": "open"}}
    if kind == "address":
        return item | {"city": {"S": "Oslo"}, "geo": {"M": {"lat": {"N": "59.9"}, "lon": {"N": "10.7"}}}}
    return item | _attributes(random, kind, 4)


def _optional(share: float) -> MakeItem:
    return lambda random, position: _key(position) | _attributes(random, "o", 30, share)


def _nulls(random: Random, position: int) -> Image:
    item = _key(position) | _attributes(random, "a", 11)
    return {name: {"NULL": True} if random.random() < 0.05 else value for name, value in item.items()}


def _maps(random: Random, position: int) -> Image:
    return _key(position) | {f"m{number}": {"M": _attributes(random, "k", 5)} for number in range(4)}


def _map_20(random: Random, position: int) -> Image:
    return _key(position) | {"m": {"M": _attributes(random, "k", 20)}}


def _lists(random: Random, position: int) -> Image:
    return _key(position) | {
        f"l{number}": {"L": [{"M": _attributes(random, "k", 4)} for _ in range(3)]} for number in range(2)
    }


def _binary(random: Random, position: int) -> Image:
    def twice() -> dict[str, object]:
        return {"B": b64encode(b64encode(random.randbytes(60))).decode()}

    return _flat(13)(random, position) | {f"b{number}": twice() for number in range(3)}


def _names(random: Random, position: int) -> Image:
    return _key(position) | {f"user-{random.randrange(10**6)}": _attribute(random, n) for n in range(8)}


def _growing(random: Random, position: int) -> Image:
    return _key(0) | _attributes(random, "e", 3 + position // 20)


def _changing(random: Random, position: int) -> Image:
    return _flat(13, "a" if position < 500 else "b")(random, position)


TABLES: dict[str, MakeItem] = {
    **{f"flat-{count}": _flat(count) for count in (13, 50, 120, 200)},
    "binary": _binary,
    **{f"types-{count}": _types(count) for count in (2, 5, 20)},
    "single-table": _single_table,
    "optional-50": _optional(0.5),
    "optional-20": _optional(0.2),
    "nulls": _nulls,
    "maps": _maps,
    "map-20": _map_20,
    "lists": _lists,
    "names": _names,
    "growing": _growing,
    "changing": _changing,
}

# One of each family: the gate has to end in minutes.
IN_GATE = (
    *("flat-13", "flat-200", "binary", "types-5", "single-table", "optional-50"),
    *("nulls", "maps", "names", "growing", "changing"),
)


def changes(name: str) -> list[bytes]:
    """Return the TTL removals of a table's items; the same bytes every time."""
    random = Random(f"{name} of ttl-archive")
    return [compact(removal(TABLES[name](random, n), n)) for n in range(sum(records_of_parts(name)))]


def records_of_parts(name: str) -> list[int]:
    """Return how many records of a table are in each of PARTS."""
    return [*(PARTS | {"between": LONGER.get(name, PARTS["between"])}).values()]


def convert(name: str, path: str) -> None:
    """Convert a table's changes for each setting of the image, and mark the end of every part."""
    from ttl_archive.transform import learning
    from ttl_archive.transform.convert import converter
    from ttl_archive.transform.settings import parse

    if path == "general":
        learning.Flattener._learn_from = lambda *_: None  # type: ignore[method-assign]
    table, data = {"name": TABLE, "ttl_attribute": "ttl"}, changes(name)
    for image in (False, True):
        convert_record = converter(parse({"table": table, "output": {"image": image}}))
        mark()  # the end of what is not counted
        records = iter(data)
        for count in records_of_parts(name):
            for each in islice(records, count):
                convert_record(each)
            mark()


if __name__ == "__main__":
    stop_the_clocks()
    convert(sys.argv[1], sys.argv[2])
