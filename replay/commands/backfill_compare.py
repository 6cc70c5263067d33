"""`ttl-archive backfill --compare`: what it prints, and its exit code."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from ttl_archive.replay.backfill.comparison import CompareVerdict, Comparison, compare_exports
from ttl_archive.replay.backfill.expired_keys import MissingKey
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import FAILED, NOTHING_FOUND, STILL_OPEN, Place
from ttl_archive.replay.commands.progress import meter
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.items.export_manifest import Export
from ttl_archive.transform import layout

_EXIT_CODES = {
    CompareVerdict.COMPLETE: 0,
    CompareVerdict.MISSING: FAILED,
    CompareVerdict.NOT_COUNTABLE: STILL_OPEN,
    CompareVerdict.NOTHING: NOTHING_FOUND,
}
_WIDTH = 16


def compare(
    place: Place, exports: tuple[Export, ...], *, as_json: bool, out: Path | None, show_content: bool
) -> int:
    """Compare exports with the archive and print the answer; return the exit code.

    Raises MisuseError, ObjectError, StoppedError or OSError.
    """
    stop, size = Event(), sum(each.size for each in exports)
    with _writer(out) as on_missing, meter("Comparing", size) as progress, ctrl_c(stop):
        compared = compare_exports(
            place.s3,
            place.bucket,
            place.settings,
            exports,
            stop=stop,
            progress=progress,
            on_missing=on_missing,
        )
    exit_code = _EXIT_CODES[compared.verdict]
    if as_json:
        show.as_json(_document(compared, exit_code, show_content=show_content))
    else:
        _print(place, compared, out, show_content=show_content)
    return exit_code


def _document(compared: Comparison, exit_code: int, *, show_content: bool) -> dict[str, object]:
    examples = [
        {"place": each.place, **({"keys": each.keys} if show_content else {})} for each in compared.examples
    ]
    return {
        "verdict": compared.verdict,
        "expired": compared.expired,
        "found": compared.found,
        "renewed": compared.renewed,
        "missing": compared.missing,
        "unknown": compared.unknown,
        "objects": compared.objects,
        "unreadable": compared.unreadable,
        "bad_lines": compared.bad_lines,
        "examples": examples,
        "exit_code": exit_code,
    }


def _print(place: Place, compared: Comparison, out: Path | None, *, show_content: bool) -> None:
    folder = f"s3://{place.bucket}/{layout.archive_folder(place.settings)}"
    show.field("expired keys", f"{compared.expired:,} in what was exported", _WIDTH)
    show.field("  in the archive", f"{compared.found:,}", _WIDTH)
    show.field("  renewed", f"{compared.renewed:,} archived with another TTL value only", _WIDTH)
    show.field("  not found", f"{compared.missing:,}", _WIDTH)
    if compared.unknown:
        show.field("deletions", f"{compared.unknown:,} without an old image, not compared", _WIDTH)
    show.field("archive", f"{show.plural(compared.objects, 'object')} of that time in {folder}", _WIDTH)
    for reason, count in sorted(compared.unreadable.items()):
        show.field("  not read", f"{show.plural(count, 'object')}: {reason}", _WIDTH)
    if compared.bad_lines:
        show.field("  not readable", show.plural(compared.bad_lines, "line"), _WIDTH)
    for each in compared.examples:
        keys = f"  {json.dumps(each.keys, ensure_ascii=False)}" if show_content else ""
        show.field("not found", f"{each.place}{keys}", _WIDTH)
    show.field("answer", _answer(compared), _WIDTH)
    if out and compared.missing:
        show.note(f"The keys that were not found are in {out}")


def _answer(compared: Comparison) -> str:
    if compared.verdict is CompareVerdict.NOTHING:
        return "nothing to compare: no item had expired by the export's time."
    if compared.verdict is CompareVerdict.COMPLETE and compared.renewed:
        return "no expired key is missing; those that were renewed are archived with their later TTL value."
    if compared.verdict is CompareVerdict.COMPLETE:
        return "complete: every expired key is in the archive."
    if compared.verdict is CompareVerdict.NOT_COUNTABLE:
        return (
            "not countable: keys were not found, but not everything could be read, so they may be there. "
            "Retrieve the objects (ttl-archive restore), and compare again."
        )
    return (
        "missing: the items are still in the table, were renewed, or were never archived. To archive them "
        "from the export, run the command without --compare."
    )


@contextmanager
def _writer(out: Path | None) -> Iterator[Callable[[MissingKey], None]]:
    """Yield the function that writes a missing key to the file, a line of JSON; the file is private."""
    if out is None:
        yield lambda key: None  # noqa: ARG005
        return
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        yield lambda key: print(json.dumps({"Keys": key.keys, "place": key.place}), file=file)
