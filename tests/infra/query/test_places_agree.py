"""The places that run here agree with each other, and with what was delivered, over generated archives.

The same files lie in a bucket and in a folder. Some of the bucket's objects are in GLACIER, retrieved or not;
the folder has what can be read. Columns are added later, rows are delivered twice, and values have any type.
"""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.infra.query.asked import NOW
from tests.infra.query.conftest import Delivered
from tests.strategies import numbers, scalars
from tests.transform.builders import change
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.query.query_places import QueryPlace, Question, bucket_place, folder_place
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.transform.settings import Settings, parse

_buckets = itertools.count()
COLUMNS = [{"name": "id"}, {"name": "amount", "type": "decimal(38,10)"}, {"name": "n", "type": "bigint"}]
LATER = [{"name": "note"}, {"name": "ratio", "type": "double"}]
DAYS = ["2026-11-20", "2026-11-21", "2026-11-22"]
FORMATS: list[dict[str, Any]] = [{}, {"format": "csv"}, {"format": "csv", "image": True}, {"image": False}]
QUERIES = [
    "SELECT dt, count(*), count(DISTINCT ddb_change), sum(amount), sum(n / 2) FROM archive"
    " WHERE dt >= '2026-11-21' GROUP BY dt ORDER BY dt",
    "SELECT id, amount, n, note, ratio FROM archive_unique WHERE dt BETWEEN '2026-11-20' AND '2026-11-21'"
    " ORDER BY ddb_event_id",
    "SELECT count(*), max(amount), min(note), avg(amount) FROM archive_latest",
    "SELECT id, row_number() OVER (PARTITION BY id ORDER BY ddb_event_us, ddb_event_id) AS change"
    " FROM archive_unique ORDER BY id, 2, ddb_event_id",
]
items = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "ö"]).map(lambda text: {"S": text})},
    optional={
        "amount": st.one_of(numbers().map(lambda text: {"N": text}), scalars),
        "n": st.integers(-(2**40), 2**40).map(lambda number: {"N": str(number)}),
        "note": scalars,
        "ratio": numbers().map(lambda text: {"N": text}),
    },
)
objects = st.lists(
    st.tuples(
        st.sampled_from(DAYS),
        st.lists(items, min_size=1, max_size=3),
        st.booleans(),  # delivered before the later columns were added
        st.sampled_from(["STANDARD", "GLACIER", "retrieved"]),
    ),
    min_size=1,
    max_size=4,
)


def configured(columns: list[dict[str, Any]], output: dict[str, Any]) -> Settings:
    table = {"name": "devices", "ttl_attribute": "ttl", "keys": ["id"]}
    return parse({"table": table, "output": output, "columns": columns})


def deliver(delivered: Delivered, output: dict[str, Any], drawn: list[Any]) -> None:
    number = itertools.count()
    for day, images, is_early, storage in drawn:
        chosen = configured(COLUMNS if is_early else COLUMNS + LATER, output)
        records = [change(image, eventID=str(next(number))) for image in images]
        key = delivered.deliver(chosen, *records, records[0], day=day)
        if storage != "STANDARD":
            body = (delivered.folder / key).read_bytes()
            delivered.freeze(key)
            if storage == "retrieved":
                delivered.s3.restore_object(Bucket=delivered.bucket, Key=key, RestoreRequest={"Days": 1})
                (delivered.folder / key).write_bytes(body)


def answers(place: QueryPlace, settings: Settings) -> list[Any]:
    values = (DAYS[0], DAYS[-1], "%a%")
    saved, athena = (saved_queries(settings, dialect) for dialect in (place.dialect, AthenaDialect()))
    questions = [Question(sql) for sql in QUERIES] + [
        Question(each.sql, values[: each.parameter_count], athena[name].sql)
        for name, each in saved.items()
        if name not in ("rows_per_object", "broken_lines")  # their column "object" is the place
    ]
    found = []
    for question in questions:
        result = place.ask(question, lambda _: None)
        rows = list(map(repr, result.rows))
        is_ordered = "ORDER BY" in question.sql.rpartition(")")[2]
        found.append(([*result.columns], rows if is_ordered else sorted(rows)))
    return found


@pytest.mark.slow
@hypothesis_settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(output=st.sampled_from(FORMATS), drawn=objects)
def test_the_places_agree_over_generated_archives(
    emulator: Emulator, tmp_path_factory: pytest.TempPathFactory, output: dict[str, Any], drawn: list[Any]
) -> None:
    check_places(emulator, tmp_path_factory.mktemp("copy"), output, drawn)


@pytest.mark.parametrize("output", FORMATS[:2], ids=["jsonl", "csv"])
def test_the_places_agree_over_one_archive(
    emulator: Emulator, tmp_path: Path, output: dict[str, Any]
) -> None:
    early = {"id": {"S": "a"}, "amount": {"N": "0.1234567891"}, "n": {"N": "-7"}}
    late = early | {"note": {"S": ""}, "ratio": {"N": "1E-7"}, "amount": {"S": "no number"}}
    storages = ["STANDARD", "GLACIER", "retrieved", "STANDARD"]
    drawn = [(DAYS[n % 3], [early, late], n == 0, storage) for n, storage in enumerate(storages)]

    check_places(emulator, tmp_path, output, drawn)


def check_places(emulator: Emulator, folder: Path, output: dict[str, Any], drawn: list[Any]) -> None:
    s3, bucket = emulator.client("s3"), f"agree-{next(_buckets)}"
    s3.create_bucket(Bucket=bucket)
    delivered = Delivered(s3, bucket, folder)
    deliver(delivered, output, drawn)
    settings = configured(COLUMNS + LATER, output)
    readable = sum(len(images) + 1 for _, images, _, storage in drawn if storage != "GLACIER")
    (folder / f"archive/devices/dt={DAYS[0]}").mkdir(parents=True, exist_ok=True)

    with bucket_place(s3, local_access(emulator.url), bucket, settings, lambda: NOW) as place:
        from_bucket = answers(place, settings)
        ((count,),) = place.ask(Question("SELECT count(*) FROM archive"), lambda _: None).rows
    with folder_place(folder, settings) as place:
        from_folder = answers(place, settings)

    assert from_bucket == from_folder
    assert count == readable
