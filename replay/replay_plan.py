"""What a run would do, as a value: printed, written to a file, and obeyed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import MisuseError

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """The objects to replay, oldest first, and where their records go."""

    bucket: str
    prefix: str
    sink: str
    target: str  # s3: the archive's prefix; kinesis: stream, name or ARN; firehose: delivery stream name
    transform: str  # identity of the transform it was made with
    objects: tuple[ErrorObject, ...]
    done: int = 0  # objects found that are done already
    held: int = 0  # quarantine objects that this transform has refused

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(each.size for each in self.objects)


def make(
    found: Iterable[Found],
    *,
    bucket: str,
    prefix: str,
    sink: str,
    target: str,
    transform: str,
    with_held: bool = False,
) -> Plan:
    """The plan for what was found: what is open, and what is held if it is asked for. Pure."""
    states: dict[str, list[ErrorObject]] = {"open": [], "done": [], "held": []}
    for each in found:
        states["open" if with_held and each.state == "held" else each.state].append(each.object)
    objects = tuple(sorted(states["open"], key=lambda each: (each.time, each.key)))
    return Plan(bucket, prefix, sink, target, transform, objects, len(states["done"]), len(states["held"]))


def write(plan: Plan, path: Path) -> None:
    """Write the plan to a file, JSON with one object to a line."""
    head = {
        "version": _VERSION,
        "bucket": plan.bucket,
        "prefix": plan.prefix,
        "sink": plan.sink,
        "target": plan.target,
        "transform": plan.transform,
        "done": plan.done,
        "held": plan.held,
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + ', "objects": [\n')
        for position, each in enumerate(plan.objects):
            entry = [each.key, each.etag, each.size, each.modified.isoformat()]
            file.write(("," if position else " ") + json.dumps(entry) + "\n")
        file.write("]}\n")


def read(path: Path) -> Plan:
    """The plan that a file holds. Raises MisuseError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["version"] != _VERSION:
            raise MisuseError(f"{path}: a plan of version {found['version']}, not {_VERSION}. Plan again")
        objects = tuple(
            ErrorObject(found["bucket"], key, etag, size, datetime.fromisoformat(modified).astimezone(UTC))
            for key, etag, size, modified in found["objects"]
        )
        return Plan(
            found["bucket"], found["prefix"], found["sink"], found["target"], found["transform"],
            objects, found["done"], found["held"],
        )  # fmt: skip
    except OSError as error:
        raise MisuseError(f"{path}: cannot be read: {error.strerror}. Write it with: replay plan") from None
    except (ValueError, KeyError, TypeError) as error:
        raise MisuseError(f"{path}: not a plan ({error}). Write one with: replay plan") from None
