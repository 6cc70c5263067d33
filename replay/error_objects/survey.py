"""Every error object under a prefix with its state: open, done, or held back until the transform changes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ttl_archive.replay.error_objects.error_lines import read
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader, list_keys, list_objects
from ttl_archive.transform import layout

State = Literal["open", "done", "held"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects are meant; every field left empty means all. Times are the objects' own, UTC."""

    since: datetime | None = None
    until: datetime | None = None  # exclusive
    types: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()  # of records; an object is meant when it holds one
    key_prefix: str = ""  # after the error output prefix

    def takes(self, found: ErrorObject) -> bool:
        """Whether the object is meant, as far as its name and time tell."""
        if self.types and found.type not in self.types:
            return False
        if self.since and found.time < self.since:
            return False
        return not (self.until and found.time >= self.until)


@dataclass(frozen=True, slots=True)
class Found:
    """An object, and whether anything is left to do about it."""

    object: ErrorObject
    state: State


def survey(s3: Any, bucket: str, prefix: str, only: Filter, transform: str) -> Iterator[Found]:
    """The objects under the prefix, then those in quarantine that came from there.

    What the transform with this identity has refused is held: it would refuse it again.
    """
    prefix += only.key_prefix
    holds_quarantine = prefix.startswith(layout.QUARANTINE) or layout.QUARANTINE.startswith(prefix)
    for place in [prefix] if holds_quarantine else [prefix, layout.QUARANTINE + prefix]:
        done = set(list_keys(s3, bucket, layout.MANIFESTS + place))
        for found in list_objects(s3, bucket, place):
            if only.takes(found):
                yield Found(found, _state(found, done, transform))


def with_code(s3: Any, found: Iterable[Found], codes: tuple[str, ...]) -> Iterator[Found]:
    """Those objects that hold a record of one of the error codes; all of them without codes."""
    for each in found:
        if not codes or any(record.code in codes for record in read(Reader(s3, each.object).chunks())):
            yield each


def _state(found: ErrorObject, done: set[str], transform: str) -> State:
    if layout.manifest_key(found.key, found.identity) in done:
        return "done"
    return "held" if layout.refused_by(found.key) == transform else "open"
