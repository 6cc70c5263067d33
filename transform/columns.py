"""The column of each attribute: [[columns]] paths, nested maps, and never two attributes in one column.

image, as names                 nested = "keep"            nested = "flatten"
deviceID (column device_id)     device_id                  device_id
place {city, geo {lat}}         place                      place_city, place_geo_lat
the same, city has a column     city, place {geo {lat}}    city, place_geo_lat
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import AttributeValue, Image
from ttl_archive.transform.getters import tuple_getter
from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, REST_COLUMN, Settings

Spread = Callable[[Image], Iterable[tuple[str, AttributeValue]]]
Namer = Callable[[tuple[str, ...]], tuple[tuple[str, str], ...]]
_Tree = dict[str, Any]  # attribute name -> column name, or the tree of the map's own names


def namer(settings: Settings) -> Namer | None:
    """Return the function from attribute names to sorted pairs (column, attribute).

    Returns None when columns come from inside maps. The function raises RecordError `ColumnCollision` for two
    attributes of one column, and for an attribute with the name of another column of the row. Case makes no
    difference, because Athena's column names are lower-case.
    """
    if settings.output.nested == "flatten" or any(len(column.path) > 1 for column in settings.columns):
        return None
    tree = _tree(settings)
    distinct = _distinct(settings)

    def columns_of(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        columns = [tree.get(name, name) for name in names]
        distinct(columns, [name for name in names if name not in tree])
        return tuple(sorted(zip(columns, names, strict=True)))

    return columns_of


def spreader(settings: Settings, columns_of: Namer | None) -> Spread:
    """Return the function from an image to its pairs (column, attribute value), sorted by column.

    `columns_of` is the `namer` of the settings. The function raises RecordError `ColumnCollision` as it does.
    """
    return _by_path(settings) if columns_of is None else _by_name(columns_of)


def _by_name(columns_of: Namer) -> Spread:
    @lru_cache(maxsize=1024)  # the items of a table have few sets of names
    def picked(names: tuple[str, ...]) -> tuple[list[str], Callable[[Any], Sequence[Any]]]:
        pairs = columns_of(names)
        return [column for column, _ in pairs], tuple_getter(itemgetter, [name for _, name in pairs])

    def spread(image: Image) -> Iterable[tuple[str, AttributeValue]]:
        columns, values = picked(tuple(image))
        return zip(columns, values(image))  # noqa: B905  both have the same length; strict costs time

    return spread


def _by_path(settings: Settings) -> Spread:
    tree = _tree(settings)
    distinct = _distinct(settings)
    flatten = settings.output.nested == "flatten"

    def spread(image: Image) -> Iterable[tuple[str, AttributeValue]]:
        pairs, rest = _extract(image, tree)
        passing = list(_leaves(rest) if flatten else rest.items())
        pairs += passing
        distinct([column for column, _ in pairs], (name for name, _ in passing))
        return sorted(pairs)

    return spread


def _distinct(settings: Settings) -> Callable[[Sequence[str], Iterable[str]], None]:
    """Return the function that refuses duplicate columns, and attributes with the name of another column."""
    own_columns = {column.name for column in settings.columns}
    taken = {*METADATA_COLUMNS, REST_COLUMN, IMAGE_COLUMN, settings.output.date_column, *own_columns}

    def distinct(columns: Sequence[str], passing: Iterable[str]) -> None:
        lowered = {*map(str.lower, columns)}
        if len(lowered) < len(columns) or not taken.isdisjoint(map(str.lower, passing)):
            raise RecordError("ColumnCollision")

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
    """Return the values that have a column, and the rest of the image."""
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
    """Yield every value that is not a map with members, named by its path joined with '_'."""
    for name, value in image.items():
        if inner := _map_in(value):
            yield from _leaves(inner, f"{prefix}{name}_")
        else:
            yield prefix + name, value


def _map_in(value: Any) -> Image | None:
    """Return the members of a map, or None for anything else, a damaged attribute value included."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(inner := value.get("M"), dict):
        return inner
    return None
