"""What the demo runs on: its own readings, or the user's table file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ttl_archive.infra.local.demo.items import (
    KEYS,
    Item,
    TableFileError,
    all_differ,
    infer_keys,
    readings,
    special_items,
    table_file,
)
from ttl_archive.infra.local.demo.story import CONFIG, QUESTIONS
from ttl_archive.transform.settings import Settings, load

STEPS = 7
_MOST_KEYS = 2  # partition key and sort key
_LONGEST_STEP = timedelta(days=365)  # TTL leaves alone what expired more than five years ago
# Before it nothing expires in the demo: its microseconds since 1970 have not yet the 16 digits of today's.
_FIRST_TTL = Decimal(datetime(2002, 1, 1, tzinfo=UTC).timestamp())
_LAST_TTL = Decimal(datetime(9000, 1, 1, tzinfo=UTC).timestamp())  # beyond it, milliseconds most likely


@dataclass(frozen=True, slots=True)
class Scenario:
    """A table's items, its key attributes with their types, and the time to live through."""

    settings: Settings
    items: Sequence[Item]
    keys: Mapping[str, str]
    start: datetime
    step: timedelta
    steps: int
    questions: Mapping[str, str]
    is_ours: bool = False


def ours(folder: Path, file_format: str) -> Scenario:
    """All readings of both stations; the first week expires. Writes archive.toml into the folder."""
    config = folder / "archive.toml"
    config.write_text(CONFIG.format(format=file_format), encoding="utf-8")
    return Scenario(
        settings=load(config),
        items=[*special_items(), *readings()],
        keys=dict.fromkeys(KEYS, "S"),
        start=datetime(2010, 12, 31, 12, tzinfo=UTC),  # the first reading expires at midnight
        step=timedelta(days=1),
        steps=STEPS,
        questions=QUESTIONS,
        is_ours=True,
    )


def theirs(file: Path, config: Path | None, key_names: Sequence[str]) -> Scenario:
    """The user's items, from just before the first of them expires until the last has."""
    settings = load(config)
    items = table_file(file)
    times = _expiry_times(items, settings, file)
    start, end = times[0] - timedelta(hours=1), times[-1] + timedelta(hours=1)
    steps = max(STEPS, -((start - end) // _LONGEST_STEP))
    return Scenario(
        settings=settings,
        items=items,
        keys=_keys(items, key_names, file),
        start=start,
        step=(end - start) / steps,
        steps=steps,
        questions={"Rows a day": QUESTIONS["Rows a day"].replace("dt", settings.output.date_column)},
    )


def _expiry_times(items: Sequence[Item], settings: Settings, file: Path) -> list[datetime]:
    attribute = settings.table.ttl_attribute
    times = []
    for item in items:
        try:
            seconds = Decimal(item[attribute]["N"])
        except (KeyError, InvalidOperation, TypeError, ValueError):
            continue
        if seconds.is_finite() and _FIRST_TTL <= seconds < _LAST_TTL:
            times.append(datetime.fromtimestamp(int(seconds), UTC))
    if not times:
        raise TableFileError(
            f'{file}: no item has epoch seconds as a Number in "{attribute}", so none would expire. '
            f"[table] ttl_attribute of {settings.file} names the attribute"
        )
    return sorted(times)


def _keys(items: Sequence[Item], given: Sequence[str], file: Path) -> dict[str, str]:
    """The table's key attributes, given or inferred, with their types."""
    names = tuple(given) or infer_keys(items)
    if len(set(names)) != len(names) or len(names) > _MOST_KEYS:
        raise TableFileError(f"--key names {', '.join(names)}. A table has one key attribute, or two")
    types = {name: _key_type(items, name, file) for name in names}
    if not all_differ(items, names):
        raise TableFileError(
            f"{file}: two items have the same {' and '.join(names)}. Name other keys with --key"
        )
    return types


def _key_type(items: Sequence[Item], name: str, file: Path) -> str:
    types = {kind for item in items for kind in item.get(name, {"missing": None})}
    if len(types) == 1 and types <= {"S", "N", "B"}:
        return str(types.pop())
    raise TableFileError(f'{file}: "{name}" cannot be a key: in the items it is {", ".join(sorted(types))}')
