"""The MetadataExtraction processor: partition keys that a jq query reads from each record.

Source: FDG, dynamic-partitioning-partitioning-keys. AWS runs jq 1.6; here it is the jq of the Python package
`jq`, whose newer functions AWS does not have.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from ttl_archive.infra.local.firehose.service_error import invalid_argument

ENGINE = "JQ-1.6"  # BC-firehose: the value of JsonParsingEngine in the guide
MAX_KEYS = 50  # FDG: limits


class ExtractionFailed(Exception):  # noqa: N818 - named after the error output type
    """A query that returns no partition keys for a record. The message repeats nothing of the record."""


class MetadataQuery:
    """A compiled query such as `{customer: .id, year: .at | strftime("%Y")}`.

    Raises ServiceError (InvalidArgumentException) for a query that jq cannot compile, and when the package
    `jq` is not installed.
    """

    def __init__(self, text: str) -> None:
        self._program: Any = None
        try:
            self._program = _jq().compile(text)
        except ValueError as error:
            raise invalid_argument(f"MetadataExtractionQuery cannot be compiled by jq: {error}") from error

    def evaluate(self, data: bytes) -> dict[str, Any]:
        """Return the keys of one record: scalars as text, and what is no scalar as it is.

        Raises ExtractionFailed when the record is not JSON or the query does not return one object.
        """
        try:
            results = self._program.input_text(data.decode()).all()
        except UnicodeDecodeError as error:
            raise ExtractionFailed("The record is not UTF-8.") from error
        except ValueError as error:
            raise ExtractionFailed("The query cannot be evaluated for this record.") from error
        if len(results) != 1 or not isinstance(results[0], dict):
            raise ExtractionFailed("The query does not return one JSON object for this record.")
        if len(results[0]) > MAX_KEYS:
            raise ExtractionFailed(f"The query returns {len(results[0])} keys; it can return {MAX_KEYS}.")
        return {name: _text(value) for name, value in results[0].items()}


def _text(value: Any) -> Any:
    """Return numbers and booleans as JSON writes them. UNVERIFIED; the guide shows strings only."""
    return json.dumps(value) if isinstance(value, (bool, int, float)) else value


def _jq() -> ModuleType:
    # Loaded when it is needed: the package is built for the usual systems only.
    try:
        import jq
    except ImportError as error:
        raise invalid_argument(
            "The local Firehose evaluates MetadataExtractionQuery with the package jq. Run: pip install jq"
        ) from error
    module: ModuleType = jq
    return module
