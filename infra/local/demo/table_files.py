"""The user's own items for the demo: read from files, with the key attributes that their table can have."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path

from ttl_archive.replay.items.attribute_values import Item, for_boto3
from ttl_archive.replay.items.item_reader import ItemFileError, item_files


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The items, as boto3 takes them, and what each file was read as."""

    items: Sequence[Item]
    forms: Sequence[str]  # items.jsonl: DynamoDB JSON


def read_table_files(paths: Sequence[Path]) -> TableFiles:
    """Read every item of the files. Raises ItemFileError, also when there is no item."""
    items: list[Item] = []
    forms = []
    for file in item_files(paths):
        items += map(for_boto3, file.items)
        forms.append(f"{file.path}: {file.form}")
    if not items:
        raise ItemFileError(f"{', '.join(map(str, paths))}: there is no item in what was exported")
    return TableFiles(items, forms)


def infer_keys(items: Sequence[Item]) -> tuple[str, ...]:
    """Return the first attribute, or pair of attributes, that every item has and that differs between items.

    Raises ItemFileError when there is none.
    """
    shared = [name for name in items[0] if all(set(item.get(name, ())) & {"S", "N", "B"} for item in items)]
    for names in chain(((name,) for name in shared), combinations(shared, 2)):
        if all_differ(items, names):
            return names
    raise ItemFileError(
        "No attribute and no pair of attributes identifies the items. Name the table's keys with --key"
    )


def all_differ(items: Sequence[Item], names: Iterable[str]) -> bool:
    """Return whether no two items have the same values in these attributes."""
    return len({json.dumps([item.get(name) for name in names], default=repr) for item in items}) == len(items)
