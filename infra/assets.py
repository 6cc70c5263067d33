"""The zip files of the stack's functions."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Assets:
    """The path of each zip; ttl_archive.infra.package writes them."""

    transform: Path
    replay: Path
    attachment: Path
