"""The Lambda functions that the cases of processing need, by name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

BAD = b"bad"  # the record that the function answers in its own way; the others are returned as they are


def _records(
    event: dict[str, Any], answer: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> dict[str, Any]:
    answers: list[dict[str, Any]] = []
    for record in event["records"]:
        is_bad = base64.b64decode(record["data"]) == BAD
        answers += answer(record) if is_bad else [_ok(record)]
    return {"records": answers}


def _ok(record: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"recordId": record["recordId"], "result": "Ok", "data": record["data"]} | members


HANDLERS: dict[str, Callable[[Any, Any], Any]] = {
    "failed": lambda event, _: _records(event, lambda r: [_ok(r, result="ProcessingFailed")]),
    "missing": lambda event, _: _records(event, lambda r: []),
    "duplicate": lambda event, _: _records(event, lambda r: [_ok(r), _ok(r)]),
    "null": lambda event, _: _records(event, lambda r: [_ok(r, data=None)]),
    "empty": lambda event, _: {},
    "large": lambda event, _: _records(event, lambda r: [_ok(r, data="A" * 7_000_000)]),
}
