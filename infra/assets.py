"""The zip files that the stack's functions run from."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Assets:
    """One zip for each function; ttl_archive.infra.package makes them."""

    transform: Path
    replay: Path
    attachment: Path
