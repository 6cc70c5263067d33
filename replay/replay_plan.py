"""A plan: what a run would do, as a value that is printed, written to a file, and executed.

A plan is bound to the bucket, table, prefix and settings that it was made with: what does not match is
refused, and so is a file that was edited.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode

from ttl_archive.replay.claim_document import State
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import MisuseError

_VERSION = 2


@dataclass(frozen=True, slots=True)
class Binding:
    """What a plan is bound to. `stream` is None with the sink s3, whose rows go to the table's archive."""

    bucket: str
    table: str
    prefix: str
    sink: str
    stream: str | None
    transform: str  # identity of the transform and its settings
    with_refused: bool = False
    on_failure: str | None = None  # bucket of the objects, where it is not `bucket`

    @property
    def errors_bucket(self) -> str:
        """The bucket of the error objects."""
        return self.on_failure or self.bucket


@dataclass(frozen=True, slots=True)
class Plan:
    """The objects to replay, oldest first, and what they are replayed into."""

    binding: Binding
    objects: tuple[ErrorObject, ...]
    states: Counter[str] = field(default_factory=Counter)  # of all objects found, by state

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(each.size for each in self.objects)

    def check(self, table: str, transform: str) -> None:
        """Raise MisuseError when the plan was made for another table or with other settings."""
        if self.binding.table != table:
            raise MisuseError(
                f"the plan is for the table {self.binding.table}, archive.toml for {table}. Name the file of "
                f"{self.binding.table} with --config, or plan again"
            )
        if self.binding.transform != transform:
            raise MisuseError(
                f"the plan was made with the transform {self.binding.transform}, today's is {transform}: "
                "ttl-archive or archive.toml has changed since. Plan again"
            )


class _Content(Struct):
    """The content of a plan's file, without its hash."""

    version: int
    binding: Binding
    objects: list[tuple[str, str, int, datetime]]
    states: dict[str, int]


class _File(Struct):
    plan: _Content
    sha256: str


_decode = Decoder(_File).decode


def plan_for(found: Iterable[Found], binding: Binding) -> Plan:
    """Return the plan for what was found: what is open, and what is refused if that is asked for. Pure."""
    wanted = {State.OPEN, State.REFUSED} if binding.with_refused else {State.OPEN}
    states: Counter[str] = Counter()
    objects = []
    for each in found:
        states[each.state] += 1
        if each.state in wanted:
            objects.append(each.object)
    return Plan(binding, tuple(sorted(objects, key=lambda each: (each.time, each.key))), states)


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan to a file, JSON. Raises OSError."""
    objects = [(each.key, each.etag, each.size, each.modified) for each in plan.objects]
    content = _Content(_VERSION, plan.binding, objects, dict(plan.states))
    path.write_bytes(encode(_File(content, _hash(content))) + b"\n")


def read_plan(path: Path) -> Plan:
    """Return the plan in a file. Raises MisuseError when the file is not a plan, or was edited."""
    try:
        found = _decode(path.read_bytes())
    except OSError as error:
        raise MisuseError(f"{path}: cannot be read: {error.strerror}. Write it with: replay plan") from None
    except (DecodeError, ValueError, RecursionError) as error:
        raise MisuseError(f"{path}: not a plan ({error}). Write one with: replay plan") from None
    content, binding = found.plan, found.plan.binding
    if content.version != _VERSION:
        raise MisuseError(f"{path}: a plan of version {content.version}, not {_VERSION}. Plan again")
    foreign = [key for key, *_ in content.objects if not key.startswith(binding.prefix)]
    if found.sha256 != _hash(content) or foreign:
        raise MisuseError(f"{path}: the plan was changed after it was made. Plan again, with other options")
    objects = tuple(
        ErrorObject(binding.errors_bucket, key, etag, size, modified.astimezone(UTC))
        for key, etag, size, modified in content.objects
    )
    return Plan(binding, objects, Counter(content.states))


def _hash(content: _Content) -> str:
    return hashlib.sha256(encode(content)).hexdigest()
