"""The column name of an attribute: lower case, valid in Glue, and distinct from every other name.

attribute       column           attribute        column
deviceID        device_id        2nd              a_2nd
Status          status           ddb_image        a_ddb_image
place.city      place_city       dt               dt_2, because the date column has this name

An attribute without a column passes through under its own name, and a column of that name would collide with
it. So no column has the name of another attribute, in either case of letters.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, REST_COLUMN

Path = tuple[str, ...]
# Source: Athena User Guide, names for tables, databases, and columns.
_MAX_LENGTH = 255
_SUFFIX_ROOM = 6  # of _2, _3, ...


def column_text(path: Path) -> str:
    """Return the words of a path as a column name, not yet distinct from others."""
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", "_".join(path))
    text = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[: _MAX_LENGTH - _SUFFIX_ROOM]
    return text if re.match(r"(?!ddb_)[a-z]", text) else f"a_{text}".rstrip("_")


def choose_column_names(
    paths: Sequence[Path], attributes: Iterable[str], other_columns: Iterable[str]
) -> Mapping[Path, str]:
    """Return a name for each path; `attributes` are all top-level names that were seen.

    An attribute whose name is already a valid column name keeps it. Others take the first free number.
    `other_columns` are names that columns have already, the date column's among them.
    """
    lowered = Counter(name.lower() for name in attributes)
    reserved = {*METADATA_COLUMNS, REST_COLUMN, IMAGE_COLUMN, *other_columns}
    own = (path for path in paths if path == (column_text(path),) and path[0] not in reserved)
    names: dict[Path, str] = {path: path[0] for path in own}
    taken = reserved | set(lowered)
    for path in paths:
        if path not in names:
            names[path] = _first_free(column_text(path), taken - _only_own(path, lowered, reserved))
            taken.add(names[path])
    return names


def _only_own(path: Path, lowered: Counter[str], reserved: set[str]) -> set[str]:
    """Return the attribute's name in lower case when no other attribute and no other column has it."""
    name = path[0].lower()
    return {name} if len(path) == 1 and lowered[name] == 1 and name not in reserved else set()


def _first_free(text: str, taken: set[str]) -> str:
    if text not in taken:
        return text
    number = 2
    while f"{text}_{number}" in taken:
        number += 1
    return f"{text}_{number}"
