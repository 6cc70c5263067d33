"""Which transform it was: a fingerprint of its code and of the settings it worked with.

The transform is pure, so the same fingerprint gives the same verdict on the same record.
"""

import hashlib
from functools import cache
from pathlib import Path

from ttl_archive import transform
from ttl_archive.transform.settings import Settings


def fingerprint(settings: Settings) -> str:
    """Twelve hex digits; they change with a line of the code that judges, or a value of the settings."""
    values = repr((settings.table, settings.select, settings.output, settings.columns))
    return hashlib.sha256(_code() + values.encode()).hexdigest()[:12]


@cache
def _code() -> bytes:
    here = Path(__file__).parent
    files = [
        *sorted(Path(transform.__path__[0]).glob("*.py")),
        here / "error_objects/error_lines.py",
        here / "verdict.py",
    ]
    return b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)
