"""The options of `ttl-archive query` that say where and how a question is answered."""

from dataclasses import dataclass
from pathlib import Path

FORMATS = ("table", "csv", "jsonl", "parquet")


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """The options of the command that say where and how a question is answered."""

    place: str
    bucket: str | None
    profile: str | None
    region: str | None
    file_format: str
    out: Path | None
    as_json: bool
    check: bool
