"""The three settings that are measured: JSON lines with and without the lossless image, and CSV."""

from dataclasses import dataclass
from typing import Any

from workloads import TABLE, attributes


@dataclass(frozen=True)
class Format:
    """An [output] section for one kind of item. CSV has a column for every attribute, JSONL renames one."""

    kind: str
    is_csv: bool
    has_image: bool

    @property
    def columns(self) -> list[tuple[str, str]]:
        """(column, attribute) of every [[columns]] entry."""
        if not self.is_csv:
            return [("device_id", "deviceID")]
        return [(name.lower(), name) for name in attributes(self.kind)]

    @property
    def document(self) -> dict[str, Any]:
        """The configuration, as in archive.toml."""
        return {
            "table": {"name": TABLE, "ttl_attribute": "expiredAt"},
            "output": {"format": "csv" if self.is_csv else "jsonl", "image": self.has_image},
            "columns": [{"name": column, "path": path} for column, path in self.columns],
        }


def format_of(name: str, kind: str) -> Format:
    """Return the format of that name, one of NAMES, for a kind of item."""
    return Format(kind, is_csv=name == "csv", has_image=name == "jsonl+image")


NAMES = ("jsonl+image", "jsonl", "csv")  # the default configuration comes first, in the tables too
