"""Probes of Athena: each column type by OpenX's and OpenCSV's classes, and the stored form of a view."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tests.aws.athena_archive import AthenaArchive
from tests.infra.sql.sql_archive import FLAT, settings
from tests.infra.sql.test_column_types import CASES, MISFIT
from tests.transform.builders import change
from ttl_archive.infra.query.query_errors import QueryError

Observations = dict[str, Any]
NewArchive = Callable[..., AthenaArchive]

ROWS = 10
COLUMN_TYPES = list(dict.fromkeys(kind for kind, _, _ in CASES))


def rows_of_every_type() -> list[tuple[dict[str, Any], tuple[Any, ...]]]:
    """Images with a value for each column type, and what the columns must show; ten rows or more."""
    values = defaultdict(list)
    for kind, value, shown in CASES:
        values[kind].append((value, None if shown is MISFIT else shown))
    count = max(ROWS, *map(len, values.values()))
    rows = []
    for number in range(count):
        chosen = [values[kind][number % len(values[kind])] for kind in COLUMN_TYPES]
        image = {f"c{n}": value for n, (value, _) in enumerate(chosen)}
        rows.append(
            ({"id": {"S": f"{number:02}"}, **image}, tuple(shown for _, shown in chosen)),
        )
    return rows


@pytest.mark.parametrize("shape", FLAT)
def test_U18_rows_of_every_column_type(
    new_archive: NewArchive, observations: Observations, shape: str
) -> None:
    columns = [{"name": "id"}, *({"name": f"c{n}", "type": kind} for n, kind in enumerate(COLUMN_TYPES))]
    rows = rows_of_every_type()
    archive = new_archive(settings(shape, columns, "id"))
    archive.deliver(change(image, eventID=image["id"]["S"]) for image, _ in rows)
    archive.create_relations()

    names = ", ".join(f"c{n}" for n in range(len(COLUMN_TYPES)))
    found = list(archive.runner.run(f"SELECT {names} FROM archive ORDER BY id").rows)
    wrong = [
        f"{kind} of {image[f'c{n}']}: {row[n]!r} is not {shown[n]!r}"
        for (image, shown), row in zip(rows, found, strict=True)
        for n, kind in enumerate(COLUMN_TYPES)
        if row[n] != shown[n]
    ]
    observations.setdefault("U18", {})[shape] = wrong or f"{len(found)} rows are exact"
    assert wrong == []


def test_U_SQL3_the_stored_form_of_a_view(new_archive: NewArchive, observations: Observations) -> None:
    chosen = settings("jsonl", [{"name": "seen", "type": "timestamp"}], "id")
    archive = new_archive(chosen)
    archive.deliver([change({"id": {"S": "a"}, "seen": {"S": "2025-11-21"}})])
    archive.create_relations()
    stored = archive.glue.get_table(DatabaseName=archive.database, Name="archive")["Table"]
    text = stored["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")

    seen = {name: stored.get(name) for name in ("TableType", "Parameters", "ViewExpandedText")}
    seen |= {"StorageDescriptor": stored["StorageDescriptor"], "view": json.loads(b64decode(text))}
    seen["hand-made"] = {
        name: readable(archive, stored, name, serde)
        for name, serde in (("empty", {}), ("dashes", {"Name": "-", "SerializationLibrary": "-"}))
    }
    observations["U-SQL3"] = seen
    assert stored["TableType"] == "VIRTUAL_VIEW"
    assert stored["Parameters"]["presto_view"] == "true"
    assert seen["view"]["originalSql"]


def readable(archive: AthenaArchive, stored: dict[str, Any], name: str, serde: dict[str, str]) -> str:
    """Store the view again by hand with this SerdeInfo, and return whether Athena reads it."""
    kept = ("TableType", "PartitionKeys", "Parameters", "ViewExpandedText", "ViewOriginalText")
    storage = {"Columns": stored["StorageDescriptor"]["Columns"], "Location": "", "SerdeInfo": serde}
    table = {"Name": name, **{k: stored[k] for k in kept if k in stored}, "StorageDescriptor": storage}
    archive.glue.create_table(DatabaseName=archive.database, TableInput=table)
    try:
        return f"{len(list(archive.runner.run(f'SELECT seen FROM {name}').rows))} row"
    except QueryError as error:
        return f"not readable: {error}"
