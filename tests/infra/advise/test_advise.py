"""`ttl-archive advise`: the costs, computed by hand from the prices of 2024-07-01, and what is printed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.infra import test_alarms
from ttl_archive.infra.advise import advice
from ttl_archive.infra.advise.advice import advise_on
from ttl_archive.infra.advise.alternatives import alternative_costs
from ttl_archive.infra.advise.size_tables import SIZES, size_tables
from ttl_archive.infra.advise.storage_choices import kept_cost
from ttl_archive.infra.advise.table_rates import TableRates, live_rates
from ttl_archive.infra.advise.unverified import marked
from ttl_archive.infra.cli import cli
from ttl_archive.infra.costs import BufferedObjects
from ttl_archive.infra.evidence.refusal_forecast import Forecaster, removal_record
from ttl_archive.infra.function_cost import DROPPED_CPU_S, MEASURED_ON, ROW_CPU_S, function_cost
from ttl_archive.infra.prices import prices, unverified_prices
from ttl_archive.infra.road_costs import KINESIS_ALARMS, ON_DEMAND, PROVISIONED, STREAMS, STREAMS_ALARMS
from ttl_archive.replay.errors import NothingFoundError
from ttl_archive.transform.settings import parse

README = Path(__file__).parents[3] / "README.md"
RATES = TableRates(changes=100_000_000, expiries=5_000_000, item_bytes=1000)


def advise(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["advise", *arguments])
    assert result.exit_code == exit_code, result.output
    return result


def usd(amount: Any) -> str:
    return f"{amount:.2f}"


def test_the_roads_of_a_hundred_million_changes() -> None:
    roads = advise_on(RATES).roads

    parts = {name: usd(amount) for name, amount in roads[ON_DEMAND].parts.items()}
    # 2 units of 1 KB a change at $0.10 a million; 190.7 GB at $0.08, and 6/30 month at $0.10, and 730 h at
    # $0.04; 476.8 GB at $0.029, for each record counts as 5 KB; 2,920 objects at $0.035 a thousand
    assert parts["DynamoDB, changes to the data stream"] == "20.00"
    assert parts["data stream"] == "48.27"
    assert parts["Firehose"] == "13.83"
    assert parts["S3, objects written and moved"] == "0.10"
    assert usd(roads[PROVISIONED].parts["data stream"]) == "26.95"
    # 95 million drops of 6 µs and 5 million rows of 19.2 µs, 1,769 MB for a CPU at $0.0000133334 a GB-second,
    # and 138,283 requests, one for each MB, at $0.20 a million
    assert usd(roads[ON_DEMAND].parts["Lambda, the function"]) == "0.04"
    # 96 s, and 175,200 requests
    assert usd(roads[STREAMS].parts["Lambda, the function"]) == "0.04"
    # 10.24 GB of rows, and 5 KB for each of 186,200 records, at $0.029
    assert usd(roads[STREAMS].parts["Firehose"]) == "0.32"
    assert {road: usd(cost.total) for road, cost in roads.items()} == {
        ON_DEMAND: "87.57",
        PROVISIONED: "66.24",
        STREAMS: "6.08",
    }


def test_the_storage_of_a_gigabyte_a_month_for_seven_years() -> None:
    # 84 objects of 1 GiB; the overhead of 8 and 32 KB for each is less than a cent
    objects = BufferedObjects(1, 1024**3)

    assert usd(kept_cost(prices(), objects, "STANDARD", 7)) == "1.93"
    assert usd(kept_cost(prices(), objects, "GLACIER", 7)) == "0.30"
    assert usd(kept_cost(prices(), objects, "DEEP_ARCHIVE", 7)) == "0.08"


def test_the_function_takes_what_the_benchmark_measured() -> None:
    cases = json.loads((README.parent / "tests/bench/results.json").read_text())["cases"]
    seconds = {
        each["workload"]: each["handler"]["whole_ms"] / 1000 / each["records"]
        for each in cases
        if each["format"] == "jsonl+image"
    }
    row = seconds["iot1k:1"]
    dropped = (seconds["iot1k:0.05"] - 0.05 * row) / 0.95

    assert float(ROW_CPU_S) == pytest.approx(row, rel=0.1)
    assert float(DROPPED_CPU_S) == pytest.approx(dropped, rel=0.1)
    assert json.loads((README.parent / "tests/bench/results.json").read_text())["date"] == MEASURED_ON


def test_a_record_that_is_twice_as_large_takes_twice_the_time_of_the_function() -> None:
    def cost(record_bytes: int) -> Any:
        return function_cost(prices(), rows=10**9, dropped=0, record_bytes=record_bytes, requests=0)

    # 19,200 s of CPU, 1.7275 GB for each
    assert usd(cost(1450)) == usd(cost(100)) == "0.44"
    assert usd(cost(2900)) == "0.88"


def test_what_has_an_unverified_price_is_marked() -> None:
    text = " ".join(advise("--sizes").output.split())

    assert "monthly backups *" in text
    assert "monthly exports *" in text
    assert "kinesis, provisioned *" in text
    assert "one GLACIER object an item *" not in text
    assert "* with a price that is UNVERIFIED. All of these: kinesis_shard_retention_hour" in text
    assert "assumed to take 19.2 µs of CPU for a row" in text


def test_every_amount_with_an_unverified_price_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part changes when the prices that are UNVERIFIED change, exactly when it is marked."""
    price, unsure = prices(), set(unverified_prices())
    doubled = {name: usd * (2 if name in unsure else 1) for name, usd in price.items()}
    before = advise_on(RATES)
    parts = {name: cost.parts for name, cost in before.roads.items()}
    monkeypatch.setattr(advice, "prices", lambda: doubled)
    after = advise_on(RATES)

    changed = {
        name
        for road, cost in after.roads.items()
        for name, usd in cost.parts.items()
        if usd != parts[road][name]
    }
    assert changed == {name for cost in parts.values() for name in cost if marked(name) != name}
    others = {name: alternative_costs(each, RATES) for name, each in (("a", price), ("b", doubled))}
    different = {name for name in others["a"] if others["a"][name] != others["b"][name]}
    assert different == {name for name in others["a"] if marked(name) != name}


def test_objects_that_the_lifecycle_rule_does_not_move_cost_the_same_in_every_class() -> None:
    small = BufferedObjects(1000, 128 * 1024 - 1)

    assert kept_cost(prices(), small, "GLACIER", 1) == kept_cost(prices(), small, "STANDARD", 1)


def test_the_alternatives_of_five_million_expiries() -> None:
    # 5,000 × $0.03, and 60 million objects, each 33,768 bytes at $0.0036 and 8,192 at $0.023 a GB;
    # 4.66 GB: twelve copies at $0.10;
    # 4.66 GB at $0.20 and $0.10, and twelve exports, a fourth of the size each, at $0.0036
    assert {name: usd(amount) for name, amount in alternative_costs(prices(), RATES).items()} == {
        "one GLACIER object an item": "167.32",
        "monthly backups": "5.59",
        "monthly exports": "1.45",
    }


def test_the_assumed_sizes_are_those_of_the_transform() -> None:
    settings = parse({"table": {"name": "DeviceData", "ttl_attribute": "expiredAt"}})
    parts = {"expiredAt": {"N": "1793883200"}} | {f"note_{n}": {"S": "lorem " * 19} for n in range(8)}
    items = [{"id": {"S": f"device-{n}"}} | parts for n in range(19)]

    forecaster = Forecaster(settings, max_record_bytes=1 << 20)
    for item in items:
        forecaster.add(item, removal_record(item, settings.table, 1_793_883_200_000_000))
    found = forecaster.finish()

    rates = TableRates(20, 19, 1000)
    assert found.record_bytes / found.items == pytest.approx(rates.volume().record_bytes, rel=0.15)
    assert found.row_bytes / found.rows == pytest.approx(rates.row_bytes, rel=0.15)


def test_the_alarms_are_those_of_the_stack() -> None:
    assert len(test_alarms.ALWAYS | test_alarms.KINESIS) == KINESIS_ALARMS == 13
    in_expressions = 3 + 2  # the metrics of TableStreamUnread, and of ExpiriesNotForwarded
    assert len(test_alarms.ALWAYS | test_alarms.STREAMS) + in_expressions == STREAMS_ALARMS == 16


def test_the_tables_of_the_readme_are_what_the_command_prints() -> None:
    printed = advise("--sizes").output.partition("\n\nItems of")[0]

    assert f"$ ttl-archive advise --sizes\n{printed}\n" in README.read_text(encoding="utf-8")
    assert list(SIZES) == ["1 M", "100 M", "10 G"]


def test_the_cases_of_the_streams_road() -> None:
    streams = next(line for line in size_tables()[0] if line[0] == f"{STREAMS} *")

    assert streams[2:] == ("$6.08", "$47.02")


@pytest.mark.parametrize(("changes", "expiries"), [(1_000_000, 50_000), (10**10, 10**9), (100, 0)])
def test_the_report_fits_80_columns(changes: int, expiries: int) -> None:
    text = advise("--changes", str(changes), "--expiries", str(expiries)).output

    assert all(len(line) <= 80 for line in text.splitlines()), text


def test_small_objects_are_not_moved_and_the_report_says_so() -> None:
    text = " ".join(advise("--changes", "1000000", "--expiries", "50000").output.split())

    assert "moves none of these objects" in text
    assert "nothing to move" in advise("--changes", "100", "--expiries", "0").output


def test_json_has_every_amount() -> None:
    found = json.loads(advise("--changes", "100000000", "--expiries", "5000000", "--json").stdout)

    assert found["cheapest"] == "streams"
    assert found["deploy"] == {"buffer_mb": 128, "buffer_s": 900}
    assert found["roads"]["kinesis, on demand"]["total"].startswith("87.56")
    assert "firehose_gb" in found["unverified_prices"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give --changes and --expiries, or --table"),
        (["--changes", "5"], "go together"),
        (["--changes", "5", "--expiries", "6"], "--expiries 6 is more than --changes 5"),
        (["--sizes", "--json"], "leave out the other options"),
    ],
)
def test_misuse_is_explained(arguments: list[str], says: str) -> None:
    assert says in advise(*arguments, exit_code=2).output


class FakeCloudWatch:
    """GetMetricData, with one datapoint for each metric that has a value."""

    def __init__(self, **values: float) -> None:
        self.values = values

    def get_paginator(self, operation: str) -> "FakeCloudWatch":
        assert operation == "get_metric_data"
        return self

    def paginate(self, *, MetricDataQueries: Any, StartTime: datetime, **_: Any) -> Any:
        results = []
        for query in MetricDataQueries:
            value = self.values.get(query["MetricStat"]["Metric"]["MetricName"])
            points = [] if value is None else [value]
            results.append({"Id": query["Id"], "Timestamps": [StartTime] * len(points), "Values": points})
        return [{"MetricDataResults": results}]


class FakeDynamoDb:
    def describe_table(self, **_: Any) -> Any:
        return {"Table": {"ItemCount": 10, "TableSizeBytes": 15_000}}


def test_the_rates_are_read_from_cloudwatch() -> None:
    cloudwatch = FakeCloudWatch(TimeToLiveDeletedItemCount=30, ConsumedWriteCapacityUnits=200)

    # items of 1,500 bytes take two units each
    assert live_rates(cloudwatch, FakeDynamoDb(), "T", datetime.now(UTC)) == TableRates(130, 30, 1500)


def test_a_table_without_metrics_has_no_rates() -> None:
    with pytest.raises(NothingFoundError, match="no write and no TTL deletion of the table T"):
        live_rates(FakeCloudWatch(), FakeDynamoDb(), "T", datetime.now(UTC))
