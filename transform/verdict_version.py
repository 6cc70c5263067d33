"""The identity of the transform: an explicit version of its verdicts, and the settings that decide rows.

Replay records this identity in claims and plans. Two transforms with the same identity return the same
verdict (a row, a drop by a rule, or a refusal with a code) on the same record. So the identity must change
exactly when a verdict may change: a renamed function or a new comment leaves it alone. A golden corpus of
records and error lines guards the version: tests/transform/test_verdict_version.py.
"""

import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from ttl_archive.transform.settings import Column, Output, Select, Settings, Table

# Raise this number whenever a row, a drop rule or a refusal code changes for any record, or when an error
# line is read in another way. Then record the golden corpus: python -m tests.transform.verdict_corpus
VERDICT_VERSION = 5

# They choose what happens to a row that does not fit the response, a type in the catalog, and what SQL groups
# by and compares; never a row.
_NOT_IN_A_ROW = {"overflow", "type", "keys", "backfilled"}


def transform_identity(settings: Settings, version: int = VERDICT_VERSION) -> str:
    """Return 12 hexadecimal digits that change with the verdict version and with the settings of rows."""
    parts: tuple[Table | Select | Output | Column, ...]
    parts = (settings.table, settings.select, settings.output, *settings.columns)
    decisive = [asdict(part, dict_factory=_decisive) for part in parts]
    return sha256(json.dumps([version, decisive], sort_keys=True).encode()).hexdigest()[:12]


def _decisive(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if name not in _NOT_IN_A_ROW}
