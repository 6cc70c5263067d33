"""What each place answers, and what it says before."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from tests.infra.query.asked import NOW, SETTINGS
from tests.infra.query.conftest import Delivered, item
from tests.infra.query.scripted_athena import ScriptedAthena
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.query.athena_runner import AthenaRunner
from ttl_archive.infra.query.coverage import Coverage
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_errors import RefusedHereError
from ttl_archive.infra.query.query_places import (
    AthenaPlace,
    QueryPlace,
    Question,
    Storage,
    bucket_place,
    folder_place,
)
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.replay.replay_run import replay_prefix

COUNT = "SELECT count(*) FROM archive"


@contextmanager
def in_bucket(emulator: Emulator, delivered: Delivered) -> Iterator[QueryPlace]:
    access = local_access(emulator.url)
    with bucket_place(delivered.s3, access, delivered.bucket, SETTINGS, lambda: NOW) as place:
        yield place


def ask(place: QueryPlace, sql: str, *parameters: str) -> tuple[list[Any], Coverage]:
    seen: list[Coverage] = []
    rows = list(place.ask(Question(sql, parameters), seen.append).rows)
    (coverage,) = seen
    return rows, coverage


def said(place: QueryPlace, sql: str, *parameters: str) -> list[str]:
    return list(ask(place, sql, *parameters)[1].sentences())


def test_only_the_files_of_the_queried_dates_are_read(emulator: Emulator, delivered: Delivered) -> None:
    for number, day in enumerate(("2026-10-01", "2026-11-20", "2026-11-21")):
        delivered.deliver(SETTINGS, item(number), day=day)
    with in_bucket(emulator, delivered) as place:
        rows, coverage = ask(place, f"{COUNT} WHERE dt >= '2026-11-01'")

        assert rows == [(2,)]
        assert [each.key for each in coverage.read] == delivered.keys[1:]
        assert list(coverage.sentences()) == []


def test_a_missing_date_filter_is_reported_with_what_it_reads(
    emulator: Emulator, delivered: Delivered
) -> None:
    sizes = []
    for number, day in enumerate(("2026-10-01", "2026-11-20")):
        key = delivered.deliver(SETTINGS, item(number), day=day)
        sizes.append(delivered.s3.head_object(Bucket=delivered.bucket, Key=key)["ContentLength"])
    with in_bucket(emulator, delivered) as place:
        assert said(place, COUNT) == [
            f"The query has no filter on dt: it reads 2 days, 2 objects, {sum(sizes)} B "
            "(about $0.0000 in Athena)."
        ]


def test_objects_in_glacier_are_reported_with_cost_and_restore_line(
    emulator: Emulator, delivered: Delivered
) -> None:
    keys = [delivered.deliver(SETTINGS, item(n), day=f"2026-11-2{n}") for n in range(3)]
    for key in keys[:2]:
        delivered.freeze(key)
    with in_bucket(emulator, delivered) as place:
        rows, coverage = ask(place, f"{COUNT} WHERE dt BETWEEN '2026-11-20' AND '2026-11-30'")
        (sentence,) = coverage.sentences()

        assert rows == [(1,)]
        assert sentence.startswith("2 objects, ")
        assert (
            "of these dates are in GLACIER and not in the answer. Their retrieval (Standard, readable for 7 "
            "days) takes 3 to 5 hours and costs about $0.00, at the prices of us-east-1:"
        ) in sentence
        assert sentence.endswith(
            f"\n  ttl-archive restore --bucket {delivered.bucket} --since 2026-11-20 --until 2026-11-22 "
            "--out restored.jsonl"
        )
        document = coverage.document()
        assert document["glacier_objects"] == 2
        assert document["objects"] == 1
        assert said(place, f"{COUNT} WHERE dt = '2026-11-22'") == []


def test_a_retrieved_object_is_in_the_answer(emulator: Emulator, delivered: Delivered) -> None:
    key = delivered.deliver(SETTINGS, item(1))
    delivered.freeze(key)
    delivered.s3.restore_object(Bucket=delivered.bucket, Key=key, RestoreRequest={"Days": 1})
    with in_bucket(emulator, delivered) as place:
        rows, coverage = ask(place, f"{COUNT} WHERE dt = '2026-11-21'")

        assert rows == [(1,)]
        assert coverage.frozen == ()


ERROR_LINE = b'{"rawData":"e30=","errorCode":"Lambda.FunctionError","errorMessage":"x"}\n'


def test_open_and_refused_error_objects_of_the_dates_are_counted(
    emulator: Emulator, delivered: Delivered
) -> None:
    names = {day: f"stream-1-{day}-06-00-00-0a1b2c3d-x" for day in ("2026-11-20", "2026-11-21", "2026-11-22")}
    folder = "errors/devices/processing-failed"
    delivered.deliver(SETTINGS, item(1))
    delivered.put(f"{folder}/dt=2026-11-20/{names['2026-11-20']}", ERROR_LINE)
    replay_prefix(delivered.s3, SETTINGS, bucket=delivered.bucket, prefix="errors/devices/")
    for day in ("2026-11-21", "2026-11-22"):
        delivered.put(f"{folder}/dt={day}/{names[day]}", ERROR_LINE)
    with in_bucket(emulator, delivered) as place:
        (sentence,) = said(place, f"{COUNT} WHERE dt BETWEEN '2026-11-20' AND '2026-11-21'")

        assert sentence == (
            "Of these dates there are 1 error object open and 1 error object refused, whose records are not "
            f"in the answer.\n  ttl-archive replay list --bucket {delivered.bucket} --why"
        )


@pytest.mark.parametrize("source", ["kinesis", "streams", "both"])
def test_the_on_failure_bucket_of_the_streams_road_is_named(delivered: Delivered, source: str) -> None:
    delivered.deliver(SETTINGS, item(1))
    chosen = dataclasses.replace(SETTINGS, sections={"deploy": {"source": source}})

    coverage, _ = Storage(chosen, delivered.s3, delivered.bucket).coverage(DateRange("2026-01-01"), False)

    command = f"ttl-archive replay list --bucket {delivered.bucket} --on-failure FAILURE-BUCKET"
    assert [command in sentence for sentence in coverage.sentences()] == [True] * (source != "kinesis")


def test_dates_that_do_not_exist_are_answered_with_those_that_do(
    emulator: Emulator, delivered: Delivered
) -> None:
    with in_bucket(emulator, delivered) as place:
        assert said(place, COUNT) == ["Nothing was delivered yet."]
        for number, day in enumerate(("2026-10-01", "2026-11-20")):
            delivered.deliver(SETTINGS, item(number), day=day)

        assert said(place, f"{COUNT} WHERE dt = '2026-10-02'") == [
            "No file was delivered with dt from 2026-10-02 to 2026-10-02. There are files of 2026-10-01 to "
            "2026-11-20. The nearest is 2026-10-01 and 2026-11-20."
        ]
        assert said(place, f"{COUNT} WHERE dt > '2027'") == [
            "No file was delivered with dt from 2027 to today. There are files of 2026-10-01 to 2026-11-20. "
            "The nearest is 2026-11-20."
        ]


def test_a_query_of_no_delivered_file_says_nothing(emulator: Emulator, delivered: Delivered) -> None:
    delivered.freeze(delivered.deliver(SETTINGS, item(1)))
    with in_bucket(emulator, delivered) as place:
        assert said(place, "SELECT 1") == []
        assert said(place, "SELECT count(*) FROM errors") == []


@pytest.mark.parametrize(
    ("condition", "parameters", "first", "last"),
    [
        ("dt = '2026-11-21'", (), "2026-11-21", "2026-11-21"),
        ("dt BETWEEN ? AND ?", ("2026-11-01", "2026-11-30"), "2026-11-01", "2026-11-30"),
        ("'2026-11-21' <= dt AND id = 'x'", (), "2026-11-21", None),
        ("dt > '2026' AND (dt < '2027')", (), "2026", "2027"),
        ("dt IN ('2026-11-03', '2026-11-01')", (), "2026-11-01", "2026-11-03"),
        ("dt LIKE '2026-11-%'", (), "2026-11-", "2026-11-\U0010ffff"),
        ("dt >= CAST(current_date - INTERVAL '30' DAY AS varchar)", (), "2026-10-25", None),
        ("dt >= concat('2026', '-11')", (), "2026-11", None),
        ("dt = '2026-11-21' OR id = 'x'", (), None, None),
        ("dt = id", (), None, None),
        ("NOT dt = '2026-11-21'", (), None, None),
        ("dt <> '2026-11-21'", (), None, None),
        ("dt IN ('2026-11-03', id)", (), None, None),
    ],
)
def test_the_dates_of_a_query_are_those_of_its_filter(
    emulator: Emulator,
    delivered: Delivered,
    condition: str,
    parameters: tuple[str, ...],
    first: Any,
    last: Any,
) -> None:
    with in_bucket(emulator, delivered) as place:
        dates = ask(place, f"SELECT id FROM archive WHERE {condition}", *parameters)[1].dates

    assert dates is not None
    assert (dates.first, dates.last) == (first, last)


def test_the_dates_of_two_relations_are_taken_together(emulator: Emulator, delivered: Delivered) -> None:
    one = "SELECT id FROM archive WHERE dt = '2026-11-01'"
    with in_bucket(emulator, delivered) as place:
        together = ask(place, f"{one} UNION ALL SELECT id FROM archive_unique WHERE dt = '2026-11-03'")[
            1
        ].dates
        unfiltered = ask(place, f"{one} UNION ALL SELECT id FROM archive_latest")[1].dates

    assert together is not None
    assert (together.first, together.last) == ("2026-11-01", "2026-11-03")
    assert unfiltered is not None
    assert not unfiltered.is_filtered


def test_the_clock_of_a_query_is_utc(emulator: Emulator, delivered: Delivered) -> None:
    with in_bucket(emulator, delivered) as place:
        assert ask(place, "SELECT localtimestamp")[0] == [(datetime(2026, 11, 24, 10, 20, 30, 123000),)]


def test_sql_that_is_refused_lists_no_bucket(delivered: Delivered) -> None:
    with folder_place(delivered.folder, SETTINGS) as place, pytest.raises(RefusedHereError):
        place.ask(Question("SELECT regexp_like('a', 'b')"), lambda _: pytest.fail("it was listed"))


def test_athena_says_the_same_before_its_answer(delivered: Delivered) -> None:
    delivered.freeze(delivered.deliver(SETTINGS, item(1)))
    athena = ScriptedAthena(rows=[[["0"]]], columns=[("_col0", "bigint")])
    storage = Storage(SETTINGS, delivered.s3, delivered.bucket)
    place = AthenaPlace(AthenaRunner(athena, "group", "database"), storage, SETTINGS)
    sql = f"{COUNT} WHERE dt = ? AND regexp_like(id, 'd')"  # the engine refuses it, and Athena does not

    rows, coverage = ask(place, sql, "2026-11-21")

    assert rows == [(0,)]
    assert len(coverage.frozen) == 1
    assert coverage.dates is not None
    assert coverage.dates.first == "2026-11-21"
    assert athena.started[0]["QueryString"] == sql
    assert athena.started[0]["ExecutionParameters"] == ["'2026-11-21'"]


def test_sql_that_no_parser_reads_is_still_asked_in_athena(delivered: Delivered) -> None:
    delivered.deliver(SETTINGS, item(1))
    athena = ScriptedAthena(rows=[[["x"]]])
    storage = Storage(SETTINGS, delivered.s3, delivered.bucket)
    place = AthenaPlace(AthenaRunner(athena, "group", "database"), storage, SETTINGS)

    rows, coverage = ask(place, "SHOW PARTITIONS archive_files")

    assert rows == [("x",)]
    assert coverage.dates is not None
    assert not coverage.dates.is_filtered


@pytest.mark.parametrize("name", saved_queries(SETTINGS, AthenaDialect()))
def test_every_saved_query_has_dates(name: str, delivered: Delivered) -> None:
    saved = saved_queries(SETTINGS, AthenaDialect())[name]
    values = ("2026-11-01", "2026-11-30", "%x%")[: saved.parameter_count]
    delivered.deliver(SETTINGS, item(1))
    storage = Storage(SETTINGS, delivered.s3, delivered.bucket)
    place = AthenaPlace(AthenaRunner(ScriptedAthena(), "group", "database"), storage, SETTINGS)

    dates = ask(place, saved.sql, *values)[1].dates

    assert dates is None if "FROM errors" in saved.sql else dates is not None and dates.is_filtered


def test_a_query_writes_nothing_into_the_bucket(emulator: Emulator, delivered: Delivered) -> None:
    delivered.deliver(SETTINGS, item(1))
    with in_bucket(emulator, delivered) as place:
        ask(place, COUNT)

    listed = delivered.s3.list_objects_v2(Bucket=delivered.bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == delivered.keys
