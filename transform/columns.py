"""Which attribute goes into which column: [[columns]] paths, nested maps, and no two into one.

image, as names                 nested = "keep"            nested = "flatten"
deviceID (column device_id)     device_id                  device_id
place {city, geo {lat}}         place                      place_city, place_geo_lat
the same, city has a column     city, place {geo {lat}}    city, place_geo_lat
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from transform.errors import RecordError
from transform.flatten import AttributeValue, Image
from transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, REST_COLUMN, Settings

Spread = Callable[[Image], Iterable[tuple[str, AttributeValue]]]
Namer = Callable[[tuple[str, ...]], tuple[str, ...]]
_Tree = dict[str, Any]  # attribute name -> column name, or the tree of the map's own names


def spreader(settings: Settings) -> Spread:
    """The function that pairs an image's attribute values with their columns.

    Two paths that lead into one column raise RecordError `ColumnCollision`, even where an item has one of
    them only, and so does a name that the row needs for itself. Case makes no difference: Athena's column
    names are lower-case.
    """
    distinct = _distinct(settings)
    columns_of = namer(settings)
    tree = _tree(settings)
    flatten = settings.output.nested == "flatten"

    def by_path(image: Image) -> Iterable[tuple[str, AttributeValue]]:
        pairs, rest = _extract(image, tree)
        passing = list(_leaves(rest) if flatten else rest.items())
        pairs += passing
        distinct(tuple(column for column, _ in pairs), (name for name, _ in passing))
        return pairs

    if columns_of is None:
        return by_path
    return lambda image: zip(columns_of(tuple(image)), image.values(), strict=True)


def namer(settings: Settings) -> Namer | None:
    """The function that gives the columns of attribute names; None where columns come from inside of maps.

    It raises RecordError `ColumnCollision`.
    """
    if settings.output.nested == "flatten" or any(len(column.path) > 1 for column in settings.columns):
        return None
    tree = _tree(settings)
    distinct = _distinct(settings)

    @lru_cache(maxsize=1024)  # the items of a table have few shapes
    def columns_of(names: tuple[str, ...]) -> tuple[str, ...]:
        return distinct(tuple(tree.get(name, name) for name in names), (n for n in names if n not in tree))

    return columns_of


def _distinct(settings: Settings) -> Callable[[tuple[str, ...], Iterable[str]], tuple[str, ...]]:
    """The function that gives columns back when none is twice and none that passes through is taken."""
    own_columns = {column.name for column in settings.columns}
    taken = {*METADATA_COLUMNS, REST_COLUMN, IMAGE_COLUMN, settings.output.date_column, *own_columns}

    def distinct(columns: tuple[str, ...], passing: Iterable[str]) -> tuple[str, ...]:
        lowered = {column.lower() for column in columns}
        if len(lowered) < len(columns) or any(name.lower() in taken for name in passing):
            raise RecordError("ColumnCollision")
        return columns

    return distinct


def _tree(settings: Settings) -> _Tree:
    tree: _Tree = {}
    for column in settings.columns:
        node = tree
        for name in column.path[:-1]:
            node = node.setdefault(name, {})
        node[column.path[-1]] = column.name
    return tree


def _extract(image: Image, tree: _Tree) -> tuple[list[tuple[str, AttributeValue]], Image]:
    """The values that have a column, and what remains of the image without them."""
    pairs: list[tuple[str, AttributeValue]] = []
    rest: Image = {}
    for name, value in image.items():
        node = tree.get(name)
        if isinstance(node, str):
            pairs.append((node, value))
        elif node and (inner := _map_in(value)):
            inner_pairs, inner_rest = _extract(inner, node)
            pairs += inner_pairs
            if inner_rest:
                rest[name] = {"M": inner_rest}
        else:
            rest[name] = value
    return pairs, rest


def _leaves(image: Image, prefix: str = "") -> Iterator[tuple[str, AttributeValue]]:
    """Every value that is not a map with something in it, named by its path joined with '_'."""
    for name, value in image.items():
        if inner := _map_in(value):
            yield from _leaves(inner, f"{prefix}{name}_")
        else:
            yield prefix + name, value


def _map_in(value: Any) -> Image | None:
    """The names in a map; None for anything else, also for what is no legal attribute value."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(inner := value.get("M"), dict):
        return inner
    return None
