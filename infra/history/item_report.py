"""The answer about one item for people: readable at 80 columns, values cut, never wrapped."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ttl_archive.infra.history.item_answer import ItemAnswer, Verdict
from ttl_archive.infra.history.item_changes import Image, ItemChange, value_changes
from ttl_archive.replay.commands import show

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BY = {"ttl": "by TTL", "ttl-inferred": "by TTL, inferred from the time", "user": "by a user"}
_NAME_WIDTH = 24
_LONGEST_LINE = 100


def show_item(answer: ItemAnswer) -> None:
    """Print the answer, and on stderr what it leaves open."""
    _SHOWN[answer.verdict](answer)
    for note in _notes(answer):
        show.note(f"Note: {note}")


def written_time(us: int) -> str:
    """Return a time in UTC with microseconds."""
    return f"{_EPOCH + timedelta(microseconds=us):%Y-%m-%d %H:%M:%S.%f} UTC"


def _show_life(answer: ItemAnswer) -> None:
    show.paragraph(f"{_name(answer.key)}: {show.plural(len(answer.changes), 'change')}")
    before: ItemChange | None = None
    for place, change in enumerate(answer.changes):
        if change in answer.missing:
            click.echo("-- a change between these two is not in the archive --")
        if change.step_changes > 1 and (before is None or before.step != change.step):
            together = answer.changes[place : place + change.step_changes]
            click.echo(
                f"-- the next {change.step_changes} changes cannot be ordered: {_overlap(together)} --"
            )
        _show_change(change)
        _show_values(before, change)
        before = change


def _show_item(answer: ItemAnswer) -> None:
    (change,) = answer.changes
    show.paragraph(f"{_name(answer.key)} as it was at {_moment(answer)}")
    _show_change(change)
    _show_image(change.image)


def _show_not_there(answer: ItemAnswer) -> None:
    show.paragraph(f"{_name(answer.key)} was not in the table at {_moment(answer)}")
    _show_change(answer.changes[0])


def _show_undecided(answer: ItemAnswer) -> None:
    show.paragraph(
        f"{_name(answer.key)} at {_moment(answer)}: the recorded times do not decide what it was. "
        "It was in the state after one of these changes:"
    )
    for change in answer.changes:
        _show_change(change)
        _show_image(change.state)
    if len(answer.changes) == 1:
        click.echo("or the change had not happened yet; the archive does not show the state before it")


def _show_not_yet(answer: ItemAnswer) -> None:
    (first,) = answer.changes
    before = (
        "the item was not in the table just before it"
        if first.event_name == "INSERT"
        else "the item was in the table before it, and the archive does not have that state"
    )
    show.paragraph(
        f"The archive has no change of {_name(answer.key)} at {_moment(answer)} or before. Its first change "
        f"is {first.event_name} at {written_time(first.first_us)}: {before}."
    )


def _show_nothing_found(answer: ItemAnswer) -> None:
    rows = answer.counted.rows if answer.counted else 0
    show.paragraph(
        f"Nothing found: none of the {show.plural(rows, 'row')} of the archive is of {_name(answer.key)}. "
        "A key is compared letter by letter, and a number as DynamoDB writes it (1.5, and not 1.50)."
    )


def _show_nothing_there(answer: ItemAnswer) -> None:
    counted = answer.counted
    reasons = answer.unread() if answer.coverage else ["no check of what was not read (--no-check)"]
    if counted is not None and counted.rows == 0:
        reasons.insert(0, "no row that can be read")
    if counted is not None and counted.without_key:
        reasons.append(
            f"{show.plural(counted.without_key, 'row')} without a readable key (is [table] keys right?)"
        )
    show.paragraph(
        f"Nothing there to answer from: no change of {_name(answer.key)} was found, and there is "
        f"{', '.join(reasons)}. The key may have changes that were not read."
    )


_SHOWN = {
    Verdict.LIFE: _show_life,
    Verdict.ITEM: _show_item,
    Verdict.NOT_THERE: _show_not_there,
    Verdict.UNDECIDED: _show_undecided,
    Verdict.NOT_YET: _show_not_yet,
    Verdict.NOTHING_FOUND: _show_nothing_found,
    Verdict.NOTHING_THERE: _show_nothing_there,
}


def _notes(answer: ItemAnswer) -> Iterator[str]:
    coverage = answer.coverage
    if coverage is None:
        yield "What the answer does not see was not checked."
        return
    if coverage.frozen or coverage.errors or not coverage.read:
        yield from coverage.sentences()
    if answer.missing:
        yield "A change is missing. Look for failed records (ttl-archive replay list) and objects in GLACIER."


def _show_change(change: ItemChange) -> None:
    by = f" {_BY.get(change.removed_by, change.removed_by)}" if change.removed_by else ""
    click.echo(f"{written_time(change.first_us)}  {change.event_name}{by}")


def _show_values(before: ItemChange | None, change: ItemChange) -> None:
    if change.is_removal:
        return
    changed = value_changes(before, change)
    if changed is None:
        click.echo("  (what was before is not known; the whole item:)")
        _show_image(change.image)
        return
    for each in changed:
        after = "(none)" if each.after is None else _value(each.after)
        _show_line(each.name, after if each.before is None else f"{_value(each.before)} -> {after}")


def _show_image(image: Image | None) -> None:
    if image is None:
        click.echo("  (no item)")
        return
    for name, value in image.items():
        _show_line(name, _value(value))


def _show_line(name: str, text: str) -> None:
    line = show.printable(f"  {name:{_NAME_WIDTH}}  {text}")
    width = min(shutil.get_terminal_size().columns, _LONGEST_LINE)
    click.echo(line if len(line) <= width else f"{line[: width - 1]}…")


def _value(value: Mapping[str, Any]) -> str:
    """Return a number's digits, or JSON; lists, maps, sets and binary have their type."""
    ((kind, content),) = value.items()
    if kind == "N":
        return str(content)
    shown = content if kind in ("S", "BOOL") else None if kind == "NULL" else value
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _overlap(changes: Iterable[ItemChange]) -> str:
    longest = max(change.last_us - change.first_us for change in changes)
    spans = {0: "the same microsecond", 999: "the same millisecond"}
    return spans.get(longest, "the same second")


def _name(key: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in key.items())


def _moment(answer: ItemAnswer) -> str:
    return written_time(answer.moment_us or 0)
