"""What the demo runs on: its own readings, or the user's own items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ttl_archive.infra.local.demo.history_story import CONFIG as HISTORY_CONFIG
from ttl_archive.infra.local.demo.ingest_story import INGEST_CONFIG
from ttl_archive.infra.local.demo.readings import KEYS, readings, special_items
from ttl_archive.infra.local.demo.story import CONFIG, QUESTIONS
from ttl_archive.infra.local.demo.table_files import all_differ, infer_keys, read_table_files
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.items.item_reader import ItemFileError
from ttl_archive.transform.settings import Settings, load

STEPS = 7
# A time that ends in zeros would be taken for one of a feed that counts in seconds, and could not be ordered.
_NO_WHOLE_SECOND = timedelta(microseconds=250_647)
_MOST_KEYS = 2  # partition key and sort key
_LONGEST_STEP = timedelta(days=365)  # TTL leaves alone what expired more than five years ago
# Nothing expires in the demo before this date: microseconds since 1970 had fewer than 16 digits then.
_FIRST_TTL = Decimal(datetime(2002, 1, 1, tzinfo=UTC).timestamp())
_LAST_TTL = Decimal(datetime(9000, 1, 1, tzinfo=UTC).timestamp())  # later values are likely milliseconds


@dataclass(frozen=True, slots=True)
class Scenario:
    """A table's items, its key attributes with their types, and the time that passes in the demo."""

    settings: Settings
    items: Sequence[Item]
    keys: Mapping[str, str]
    start: datetime
    step: timedelta
    steps: int
    questions: Mapping[str, str]
    files: Sequence[str] = ()  # the user's own, each with the form that it was read as
    is_ours: bool = False


def ours(folder: Path, file_format: str, *, backfilled: bool = False, ingested: bool = False) -> Scenario:
    """Return the readings of both stations, of which the first week expires.

    Writes archive.toml into the folder; `backfilled` is its key of that name, and with `ingested` it has the
    section [ingest].
    """
    config = folder / "archive.toml"
    text = CONFIG.format(format=file_format)
    if backfilled:
        text = text.replace("[output]", "backfilled = true\n\n[output]", 1)
    config.write_text(text + (INGEST_CONFIG if ingested else ""), encoding="utf-8")
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


def item_history(folder: Path) -> Scenario:
    """Return the readings of two weeks, of which the first week expires. Writes archive.toml."""
    config = folder / "archive.toml"
    config.write_text(HISTORY_CONFIG, encoding="utf-8")
    start = datetime(2010, 12, 31, 12, tzinfo=UTC)
    last = str(int((start + timedelta(days=2 * STEPS)).timestamp()))
    return Scenario(
        settings=load(config),
        items=[*special_items(), *(each for each in readings() if each["expiredAt"]["N"] <= last)],
        keys=dict.fromkeys(KEYS, "S"),
        start=start + _NO_WHOLE_SECOND,
        step=timedelta(days=1),
        steps=STEPS,
        questions={"Changes": "SELECT ddb_event_name, count(*) AS n FROM archive_history GROUP BY 1"},
        is_ours=True,
    )


def theirs(paths: Sequence[Path], config: Path | None, key_names: Sequence[str]) -> Scenario:
    """Return the user's items, from just before the first of them expires until the last has expired.

    Raises ItemFileError when a file cannot be used, no item would expire, or the keys fit no table.
    """
    settings = load(config)
    found = read_table_files(paths)
    times = _expiry_times(found.items, settings)
    start, end = times[0] - timedelta(hours=1), times[-1] + timedelta(hours=1)
    steps = max(STEPS, -((start - end) // _LONGEST_STEP))
    return Scenario(
        settings=settings,
        items=found.items,
        keys=_keys(found.items, key_names),
        start=start,
        step=(end - start) / steps,
        steps=steps,
        questions={"Rows a day": QUESTIONS["Rows a day"].replace("dt", settings.output.date_column)},
        files=found.forms,
    )


def _expiry_times(items: Sequence[Item], settings: Settings) -> list[datetime]:
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
        raise ItemFileError(
            f'No item has epoch seconds as a Number in "{attribute}", so none would expire. '
            f"[table] ttl_attribute of {settings.file} names the attribute"
        )
    return sorted(times)


def _keys(items: Sequence[Item], given: Sequence[str]) -> dict[str, str]:
    """Return the key attributes of the table, given or inferred, with their types."""
    names = tuple(given) or infer_keys(items)
    if len(set(names)) != len(names) or len(names) > _MOST_KEYS:
        raise ItemFileError(f"--key names {', '.join(names)}. A table has one key attribute, or two")
    types = {name: _key_type(items, name) for name in names}
    if not all_differ(items, names):
        raise ItemFileError(f"Two items have the same {' and '.join(names)}. Name other keys with --key")
    return types


def _key_type(items: Sequence[Item], name: str) -> str:
    types = {kind for item in items for kind in item.get(name, {"missing": None})}
    if len(types) == 1 and types <= {"S", "N", "B"}:
        return str(types.pop())
    raise ItemFileError(f'"{name}" cannot be a key: in the items it is {", ".join(sorted(types))}')
