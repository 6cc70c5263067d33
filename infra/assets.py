"""The zip files of the stack's functions."""

from pathlib import Path
from typing import NamedTuple


class Assets(NamedTuple):
    """The path of each zip; ttl_archive.infra.package writes them."""

    transform: Path
    replay: Path
    attachment: Path
