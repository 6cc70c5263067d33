"""Seals of days that closed: what was sealed is compared with what the bucket has, and new seals are written.

An object that was altered, deleted or added after its day was sealed is found at any later time, without its
older version, and without reading it: also in GLACIER.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from ttl_archive.infra.verify.archive_scan import ObjectProblem, VerifiedDays, affected_days, folder_date
from ttl_archive.infra.verify.day_balance import DayBalance
from ttl_archive.infra.verify.object_history import object_changes
from ttl_archive.infra.verify.seal_document import Seal, SealedObject, read_seal, sealed_objects, write_seal
from ttl_archive.replay.commands.show import plural
from ttl_archive.replay.error_objects.objects import list_keys
from ttl_archive.replay.restore.archive_listing import ArchivedObject
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings


@dataclass(frozen=True, slots=True)
class SealComparison:
    """The sealed days with the time of each seal, and what differs from the seals.

    `added` are objects that no seal of their day has; `unsealed` are the objects of days without a seal, too.
    """

    sealed: Mapping[date, tuple[datetime, ...]]
    problems: tuple[ObjectProblem, ...]
    added: tuple[ObjectProblem, ...]
    unsealed: Mapping[date, tuple[ArchivedObject, ...]]

    def confirmation(self, day: date) -> tuple[str, ...]:
        """Return a sentence for a sealed day whose objects are those that were sealed."""
        if day not in self.sealed or any(day in each.days for each in (*self.problems, *self.added)):
            return ()
        return (f"the objects of its date are those that were sealed on {_minute(max(self.sealed[day]))}",)


@dataclass(frozen=True, slots=True)
class SealOutcome:
    """Whether every object of a day is sealed now, and what became of the day in words."""

    is_sealed: bool
    text: str


def compare_seals(
    s3: Any,
    bucket: str,
    settings: Settings,
    days: VerifiedDays,
    objects: Sequence[ArchivedObject],
    *,
    versioned: bool,
) -> SealComparison:
    """Compare the listed objects with the seals of their folders.

    Raises AccessDeniedError, ObjectGoneError or ObjectError.
    """
    by_folder: dict[date, list[ArchivedObject]] = {day: [] for day in days.folders()}
    for each in objects:
        if day := folder_date(each.key, settings.output.date_column):
            by_folder.setdefault(day, []).append(each)
    problems = list(_changed_seals(s3, bucket, settings, by_folder) if versioned else ())
    seals, bad = _read_seals(s3, bucket, settings, by_folder)
    times = {day: tuple(seal.sealed_at for seal in found) for day, found in seals.items()}
    unsealed: dict[date, tuple[ArchivedObject, ...]] = {}
    added: list[ObjectProblem] = []

    def problem(key: str, reason: str) -> ObjectProblem:
        return ObjectProblem(f"s3://{bucket}/{key}", reason, affected_days(key, settings, days))

    for day, found in by_folder.items():
        differences, unsealed[day] = _compare(seals.get(day, ()), found)
        problems += [problem(key, reason) for key, reason in differences]
        if day in seals:
            reason = f"it was added after its day was sealed on {_minute(max(times[day]))}"
            added += [problem(each.key, reason) for each in unsealed[day]]
    concerned = tuple(each for each in (*problems, *bad) if set(each.days) & set(days.days()))
    return SealComparison(times, concerned, tuple(each for each in added if each.days), unsealed)


def _changed_seals(
    s3: Any, bucket: str, settings: Settings, wanted: Collection[date]
) -> Iterator[ObjectProblem]:
    for key, change in object_changes(s3, bucket, layout.seals_folder(settings.table.name)):
        day = folder_date(key, "dt")
        if day and day in wanted:
            yield ObjectProblem(f"s3://{bucket}/{key}", f"this seal {change}", (day,))


def _read_seals(
    s3: Any, bucket: str, settings: Settings, wanted: Collection[date]
) -> tuple[dict[date, list[Seal]], list[ObjectProblem]]:
    """Return the seals of each wanted day in the order of their numbers, and what is wrong with them."""
    table = settings.table.name
    seals: dict[date, list[Seal]] = {}
    problems: list[ObjectProblem] = []

    def note(key: str, day: date, reason: str) -> None:
        problems.append(ObjectProblem(f"s3://{bucket}/{key}", reason, (day,)))

    numbers: Counter[date] = Counter()
    for key in sorted(list_keys(s3, bucket, layout.seals_folder(table))):
        day = folder_date(key, "dt")
        if day is None or day not in wanted:
            continue
        numbers[day] += 1
        if key != layout.seal_key(table, str(day), numbers[day]):
            note(key, day, f"it is not seal {numbers[day]} of its day")
        seal = read_seal(s3, bucket, key)
        if seal is None:
            note(key, day, "its content is no seal")
        elif (seal.table, seal.day) != (table, day):
            note(key, day, "it is a seal of another table or day")
        else:
            earlier = seals.setdefault(day, [])
            if _keys(earlier) & _keys([seal]):
                note(key, day, "it has objects that an earlier seal has")
            earlier.append(seal)
    return seals, problems


def _keys(seals: Iterable[Seal]) -> set[str]:
    return {each.key for seal in seals for each in seal.objects}


def _compare(
    seals: Iterable[Seal], found: Iterable[ArchivedObject]
) -> tuple[list[tuple[str, str]], tuple[ArchivedObject, ...]]:
    """Return the keys of a folder that differ from its seals, with reasons, and the unsealed objects.

    The first seal of an object counts: whoever may add a seal cannot cancel an earlier one.
    """
    known: dict[str, tuple[SealedObject, datetime]] = {}
    for seal in seals:
        for each in seal.objects:
            known.setdefault(each.key, (each, seal.sealed_at))
    current = {each.key: each for each in sealed_objects(found)}
    differences = [
        (key, f"{reason} since it was sealed on {_minute(when)}")
        for key, (before, when) in known.items()
        if (reason := _difference(before, current.get(key)))
    ]
    return differences, tuple(each for each in found if each.key not in known)


def _difference(before: SealedObject, now: SealedObject | None) -> str:
    if now is None:
        return "it was deleted or emptied"
    if now.size != before.size:
        return f"its size changed from {before.size:,} to {now.size:,} bytes"
    return "its content changed" if now.etag != before.etag else ""


def write_seals(
    s3: Any,
    bucket: str,
    table: str,
    balances: Iterable[tuple[date, DayBalance]],
    compared: SealComparison,
    *,
    now: datetime,
    by: str,
) -> dict[date, SealOutcome]:
    """Seal each day that closes, and return what became of each day.

    A day with a seal gets another one for its added objects alone. Raises AccessDeniedError, ObjectError, and
    MisuseError for a store without conditional writes.
    """
    outcomes: dict[date, SealOutcome] = {}
    for day, balance in balances:
        objects, number = compared.unsealed[day], len(compared.sealed.get(day, ())) + 1
        if not balance.verdict.closes:
            outcomes[day] = SealOutcome(False, f"not sealed, because it is {balance.verdict}")
        elif number > 1 and not objects:
            outcomes[day] = SealOutcome(True, "sealed before, and nothing was added")
        else:
            rows, deleted = balance.numbers.rows.rows, balance.numbers.deleted[0]
            seal = Seal(table, day, now, by, deleted, rows, sealed_objects(objects))
            key = write_seal(s3, bucket, seal, number)
            text = f"{plural(len(objects), 'object')} sealed in s3://{bucket}/{key}"
            outcomes[day] = SealOutcome(True, text)
    return outcomes


def _minute(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
