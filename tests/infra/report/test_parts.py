"""The parts of the report, each with what it cannot count."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes import client_error
from tests.infra.query.scripted_athena import ScriptedAthena
from ttl_archive.infra import deploy_settings
from ttl_archive.infra.prices import prices
from ttl_archive.infra.query.athena_runner import AthenaRunner
from ttl_archive.infra.query.coverage import Coverage
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import AthenaPlace, OnCoverage, Question
from ttl_archive.infra.query.query_result import QueryResult
from ttl_archive.infra.report.counted import NotCounted, count_or_explain
from ttl_archive.infra.report.function_counts import FunctionCounts, sum_metrics
from ttl_archive.infra.report.object_counts import ArchivedObjects, ObjectCount
from ttl_archive.infra.report.page import duration_text, lag_classes, size_classes, size_text
from ttl_archive.infra.report.period_costs import CostPart, flow_costs, storage_costs, total_usd
from ttl_archive.infra.report.plots import bar_plot
from ttl_archive.infra.report.report_period import period_of
from ttl_archive.infra.report.row_counts import RowsOfDay, count_rows
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState
from ttl_archive.transform.settings import Settings, parse

OCTOBER = DateRange("2026-10-01", "2026-10-31")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Metrics:
    """A CloudWatch that refuses, or answers one page."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def get_paginator(self, operation: str) -> "Metrics":
        assert operation == "get_metric_data"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return [{"MetricDataResults": self._answer}]


def settings(**document: Any) -> Settings:
    return parse({"table": {"name": "devices", "ttl_attribute": "ttl"}, **document})


@pytest.mark.parametrize(
    ("answer", "now", "reason"),
    [
        (client_error("AccessDenied", "GetMetricData"), NOW, "Allow cloudwatch:GetMetricData"),
        ([], NOW, "no datapoint of TtlArchive for the table devices"),
        (
            [{"Id": "m0", "Values": [], "Timestamps": [], "StatusCode": "InternalError"}],
            NOW,
            "InternalError",
        ),
        ([], datetime(2028, 2, 1, tzinfo=UTC), "keeps sums for 455 days"),
    ],
)
def test_sums_that_are_not_there_have_a_reason_and_no_number(answer: Any, now: datetime, reason: str) -> None:
    found = count_or_explain(lambda: sum_metrics(Metrics(answer), "devices", OCTOBER, now))

    assert isinstance(found, NotCounted)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("columns", "expression"),
    [
        ([], None),
        ([{"name": "expires", "path": "ttl", "type": "bigint"}], 'TRY_CAST("expires" AS bigint)'),
        ([{"name": "expires", "path": "ttl"}], 'TRY_CAST("expires" AS bigint)'),
        ([{"name": "expires", "path": "ttl", "type": "timestamp"}], None),
    ],
)
def test_without_an_image_the_lag_comes_from_a_column_or_has_a_reason(
    columns: list[dict[str, str]], expression: str | None
) -> None:
    athena = ScriptedAthena(columns=(("dt", "varchar"),), rows=((),))
    chosen = settings(output={"image": False}, columns=columns)
    place = AthenaPlace(AthenaRunner(athena, "workgroup", "database"), None, chosen)

    found = count_rows(place, chosen, OCTOBER)

    (started,) = athena.started
    assert started["ExecutionParameters"] == ["'2026-10-01'", "'2026-10-31'"]
    if expression is None:
        assert found.no_lag is not None
        assert "ttl as a number" in found.no_lag.reason
    else:
        assert found.no_lag is None
        assert expression in started["QueryString"]


def test_athena_s_answer_becomes_days_and_its_failure_a_reason() -> None:
    kinds = [("dt", "varchar")] + [(f"n{n}", "bigint") for n in range(13)]
    row = ["2026-10-01", "5", "3", "0", "2", "3", "60", "0", "1", "2", "0", "0", "0", "0"]
    athena = ScriptedAthena(columns=kinds, rows=((row,),))
    place = AthenaPlace(AthenaRunner(athena, "workgroup", "database"), None, settings())

    (day,) = count_rows(place, settings(), OCTOBER).days

    assert (day.rows, day.by_ttl, day.by_user, day.other, day.longest_lag_s) == (5, 3, 2, 0, 60)
    assert day.lags == (0, 1, 2, 0, 0, 0, 0)
    failed = ScriptedAthena(
        endings=[[{"State": "FAILED", "StateChangeReason": "Bytes scanned limit was exceeded"}]]
    )
    place = AthenaPlace(AthenaRunner(failed, "workgroup", "database"), None, settings())
    found = count_or_explain(lambda: count_rows(place, settings(), OCTOBER))
    assert isinstance(found, NotCounted)
    assert "scan limit of the workgroup" in found.reason


def test_objects_in_glacier_of_other_dates_are_not_those_of_the_period() -> None:
    """Without the extra [sql], Athena's coverage is that of all dates."""
    frozen = tuple(
        ArchivedObject("b", f"archive/devices/dt={day}/1.jsonl.gz", "", 1, "GLACIER", RetrievalState.NEEDED)
        for day in ("2026-09-30", "2026-10-02")
    )
    coverage = Coverage(DateRange(), "dt", "b", (), frozen, 2, ())

    class Place:
        dialect = AthenaDialect()

        def ask(self, question: Question, on_coverage: OnCoverage) -> QueryResult:
            on_coverage(coverage)
            return QueryResult((), iter(()))

    assert count_rows(Place(), settings(), OCTOBER).days == (RowsOfDay("2026-10-02", None, frozen=1),)


def test_a_class_without_a_price_leaves_the_sum_without_a_number() -> None:
    classes = {"GLACIER_IR": ObjectCount(1, 5), "STANDARD": ObjectCount(1, 1024**3)}
    objects = ArchivedObjects(classes, classes, (), ObjectCount(), ObjectCount(), "", "")

    parts = list(storage_costs(prices(), objects))

    assert parts[0].usd == NotCounted("prices.toml has no price for GLACIER_IR")
    assert parts[1].usd == Decimal("0.023")
    assert parts[3].usd == NotCounted("prices.toml has no price for a move to GLACIER_IR")
    total = total_usd(parts)
    assert isinstance(total, NotCounted)
    assert "GLACIER_IR" in total.reason
    assert total_usd([CostPart("a", Decimal(1)), CostPart("b", Decimal(2))]) == Decimal(3)


def test_objects_in_glacier_and_deep_archive_cost_their_own_prices_and_moves() -> None:
    """8 KiB in STANDARD and 32 KiB in the class are billed beside each object."""
    classes = {"DEEP_ARCHIVE": ObjectCount(2, 1024**3), "GLACIER": ObjectCount(3, 1024**3)}
    objects = ArchivedObjects(classes, classes, (), ObjectCount(), ObjectCount(), "", "")

    parts = {each.part: each.usd for each in storage_costs(prices(), objects)}

    kib = Decimal(1024) / 1024**3
    deep = (1 + 64 * kib) * Decimal("0.00099") + 16 * kib * Decimal("0.023")
    assert parts["S3, a month of what is in DEEP_ARCHIVE"] == deep
    assert parts["S3, objects of the period moved to DEEP_ARCHIVE"] == Decimal("0.0001")
    assert parts["S3, objects of the period moved to GLACIER"] == Decimal("0.00009")
    assert isinstance(total_usd(list(storage_costs(prices(), objects))), Decimal)


def test_objects_that_were_not_moved_have_no_part_for_moves() -> None:
    objects = ArchivedObjects({"STANDARD": ObjectCount(1, 5)}, {}, (), ObjectCount(), ObjectCount(), "", "")

    (part,) = storage_costs(prices(), objects)

    assert part.part == "S3, objects written in the period"


def test_the_streams_road_costs_what_firehose_bills() -> None:
    """0.029 US dollars for a GB of records that are rounded up to 5 KB, as the forwarder counts them."""
    deploy = deploy_settings.parse({"source": "streams"}, settings())
    counts = FunctionCounts({"RecordsReceived": 5, "BytesBilled": 2 * 1024**3}, "CloudWatch")

    (part,) = flow_costs(prices(), counts, deploy)

    assert part == CostPart("Firehose of the Streams road", Decimal("0.058"))


def test_with_both_roads_the_kinesis_road_has_no_number_that_the_sums_do_not_say() -> None:
    deploy = deploy_settings.parse({"source": "both"}, settings())
    counts = FunctionCounts({"RecordsReceived": 5, "BytesReceived": 9, "BytesBilled": 5120}, "CloudWatch")

    streams, kinesis = flow_costs(prices(), counts, deploy)

    assert streams.usd == Decimal(5120) / 1024**3 * Decimal("0.029")
    assert isinstance(kinesis.usd, NotCounted)
    assert "RecordsReceived is of both roads" in kinesis.usd.reason


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (NotCounted("no right"), "no right"),
        (FunctionCounts({"RecordsReceived": 5}, "CloudWatch"), "CloudWatch has no sum of BytesBilled"),
    ],
)
def test_the_streams_road_without_its_sum_has_no_costs(
    counts: FunctionCounts | NotCounted, reason: str
) -> None:
    deploy = deploy_settings.parse({"source": "streams"}, settings())

    (part,) = flow_costs(prices(), counts, deploy)

    assert part.usd == NotCounted(reason)


def test_sums_without_bytes_have_no_costs() -> None:
    deploy = deploy_settings.parse({}, settings())

    (part,) = flow_costs(prices(), FunctionCounts({"RecordsReceived": 5}, "CloudWatch"), deploy)

    assert part.usd == NotCounted("CloudWatch has no sum of RecordsReceived and BytesReceived")


@pytest.mark.parametrize(
    ("month", "days", "first", "last", "is_running"),
    [
        ("2024-02", [], "2024-02-01", "2024-02-29", False),
        (None, ["2026-09-30", "2026-10-07"], "2026-10-01", "2026-10-31", False),
        (None, [], "2026-11-01", "2026-11-30", True),
        ("all", ["2026-09-30", "2026-10-07"], "2026-09-30", "2026-10-07", False),
        ("all", [], "2026-11-24", "2026-11-24", True),
    ],
)
def test_a_period_is_a_month_or_all_dates(
    month: str | None, days: list[str], first: str, last: str, is_running: bool
) -> None:
    period = period_of(month, days, NOW)

    assert (period.dates, period.is_running) == (DateRange(first, last), is_running)
    assert period.times == (DateRange() if month == "all" else period.dates)


def test_a_bar_is_as_high_as_its_share_of_the_scale_and_one_without_a_number_is_marked() -> None:
    plot = bar_plot("Rows a day", ["a", "b", "c"], [10, 5, None])

    ten, five, unknown = plot.bars
    assert five.height == ten.height / 2
    assert (unknown.is_known, unknown.text) == (False, "c: not counted")
    assert [line.text for line in plot.grid] == ["0", "5", "10"]
    assert {bar.y + bar.height for bar in plot.bars} == {plot.base}


@pytest.mark.parametrize(("largest", "scale"), [(0, "2"), (3, "4"), (7, "8"), (48, "60"), (1_200, "2k")])
def test_the_scale_ends_at_a_round_number(largest: int, scale: str) -> None:
    assert bar_plot("", [""], [largest]).grid[-1].text == scale


def test_numbers_are_written_for_people() -> None:
    assert [size_text(each) for each in (0, 1023, 131_072, 1_572_864)] == [
        "0 B",
        "1023 B",
        "128 KiB",
        "1.5 MiB",
    ]
    assert [duration_text(each) for each in (0, 90, 7_200, 216_000, -5)] == [
        "0 s",
        "1 min 30 s",
        "2 h",
        "2 d 12 h",
        "-5 s",
    ]
    assert lag_classes() == [
        "before the TTL",
        "up to 10 min",
        "10 min to 1 h",
        "1 h to 6 h",
        "6 h to 1 d",
        "1 d to 2 d",
        "2 d or more",
    ]
    assert size_classes()[:2] == ["under 16 KiB", "16 KiB to 128 KiB"]
