"""Column names and types from evidence: distinct names, and types that every value fits in SQL too."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.infra.sql.sql_archive import SqlArchive
from tests.transform.builders import change, encoded
from ttl_archive.infra.evidence.attribute_evidence import MAX_PATHS, SampleEvidence, gather
from ttl_archive.infra.evidence.column_fit import fits, value_at
from ttl_archive.infra.evidence.column_names import choose_column_names, column_text
from ttl_archive.infra.evidence.column_proposals import column_type_of, propose_columns
from ttl_archive.infra.evidence.config_text import columns_lines, percentage
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import parse

EXACT = "12345678901234567890123456789012345678"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("deviceID",), "device_id"),
        (("HTTPStatus",), "http_status"),
        (("a-b c",), "a_b_c"),
        (("2nd",), "a_2nd"),
        (("ddb_image",), "a_ddb_image"),
        (("été",), "t"),
        (("下野",), "a"),
        (("place", "geoLat"), "place_geo_lat"),
        (("x" * 300,), "x" * 249),
    ],
)
def test_a_path_becomes_a_name_that_glue_takes(path, name):
    assert column_text(path) == name


def test_no_column_has_the_name_of_another_attribute_or_column():
    attributes = ["deviceID", "device_id", "Status", "status", "dt", "ddb_table", "Temp"]

    names = choose_column_names([(name,) for name in attributes], attributes, ["dt"])

    assert names == {
        ("deviceID",): "device_id_2",
        ("device_id",): "device_id",
        ("Status",): "status_2",
        ("status",): "status",
        ("dt",): "dt_2",
        ("ddb_table",): "a_ddb_table",
        ("Temp",): "temp",
    }


names = st.sampled_from(["dt", "DT", "dt_2", "ddb_rest", "DDB_Image", "a_ddb_rest"]) | st.text(
    alphabet="aAb_-. 1é\n\x7f\"#'\\", min_size=1, max_size=4
)


@settings(max_examples=40)
@given(st.lists(st.lists(names, min_size=1, max_size=5, unique=True), min_size=1, max_size=4))
def test_with_the_proposed_columns_no_item_of_the_sample_is_refused(items):
    sample = [{name: {"S": "x"} for name in each} for each in items]
    columns = propose_columns(gather(sample), date_column="dt", ttl_attribute="ttl", max_columns=0)
    document = tomllib.loads("\n".join(columns_lines(columns, len(sample))))
    table = {"name": "devices", "ttl_attribute": "ttl"}
    convert = converter(parse({"table": table, **document}))

    for item in sample:
        assert isinstance(convert(encoded(change(item))), Row)  # a collision raises RecordError


def evidence_of(*values: dict) -> SampleEvidence:
    return gather({"v": value} for value in values)


@pytest.mark.parametrize(
    ("values", "column_type"),
    [
        ([{"N": "1"}, {"N": "-7"}], "bigint"),
        ([{"N": "9" * 18}], "bigint"),
        ([{"N": "9" * 19}], "decimal(38,0)"),
        ([{"N": "1"}, {"N": "1.50"}], "decimal(18,1)"),
        ([{"N": "36.15"}], "decimal(18,2)"),
        ([{"N": EXACT}], "decimal(38,0)"),
        ([{"N": EXACT}, {"N": "0.5"}], "string"),
        ([{"N": "1E+3"}], "decimal(18,0)"),
        ([{"N": "1E-130"}], "string"),
        ([{"S": "2026-11-21T06:26:52Z"}, {"S": "2026-11-21"}], "timestamp"),
        ([{"S": "2026-11-21"}, {"S": "soon"}], "string"),
        ([{"BOOL": True}, {"NULL": True}], "boolean"),
        ([{"NULL": True}], "string"),
        ([{"M": {}}, {"L": []}], "json"),
        ([{"M": {}}, {"S": "x"}], "string"),
        ([{"N": "1"}, {"S": "x"}], "string"),
        ([{"B": "AA=="}], "string"),
    ],
)
def test_a_type_is_the_narrowest_that_all_values_fit(values, column_type):
    evidence = evidence_of(*values).attributes["v",]

    assert column_type_of(evidence) == column_type
    assert all(fits(value, column_type) for value in values)


def test_the_ttl_attribute_is_a_number_where_any_value_is_one():
    evidence = gather([{"ttl": {"N": "1893456000"}}, {"ttl": {"S": "soon"}}])
    (of_ttl,) = propose_columns(evidence, date_column="dt", ttl_attribute="ttl", max_columns=9)
    (of_other,) = propose_columns(evidence, date_column="dt", ttl_attribute="expires", max_columns=9)

    assert (of_ttl.column.type, of_other.column.type) == ("bigint", "string")


VALUES = [
    {"N": "1"}, {"N": "1.5"}, {"N": "1.50"}, {"N": "361E-1"}, {"N": "1E+3"}, {"N": "12345"}, {"N": "1E-5"},
    {"N": "-0.5"}, {"N": "9223372036854775807"}, {"N": EXACT}, {"S": "1.5"}, {"S": " 1"}, {"S": "x"},
    {"S": ""}, {"S": "2026-11-21"}, {"S": "2026-11-21T06:26:52Z"}, {"S": "2026-11-21T06:26:52+02:00"},
    {"S": "true"},
    {"S": "-"}, {"S": "."}, {"S": "5."}, {"S": ".5"}, {"S": "2026-02-30"}, {"N": "9223372036854775808"},
    {"S": "1E999"}, {"N": "-9223372036854775808"}, {"S": "2026-11-21 06:26"}, {"S": "0001-01-01"},
    {"S": "1e2"}, {"S": "+1"}, {"S": "00012345.60"}, {"N": "1E-130"}, {"S": "2026-11-21T06:26:52.1234Z"},
    {"S": "1\n"},
    {"BOOL": True}, {"NULL": True}, {"B": "AA=="}, {"M": {"a": {"N": "1"}}}, {"L": []}, {"SS": ["a"]},
]  # fmt: skip
TYPES = ["string", "json", "bigint", "double", "decimal(5,1)", "decimal(38,0)", "boolean", "timestamp"]


def test_whether_a_value_fits_a_type_is_what_the_relation_shows(tmp_path: Path):
    table = {"name": "devices", "ttl_attribute": "ttl"}
    archive, shown = SqlArchive(tmp_path), {}
    images = [{"number": {"N": str(n)}, "v": value} for n, value in enumerate(VALUES)]
    archive.deliver(parse({"table": table}), *map(change, images))
    for kind in TYPES:
        columns = [{"name": "number", "type": "bigint"}, {"name": "v", "type": kind}]
        rows = archive.ask(
            parse({"table": table, "columns": columns}), "SELECT v IS NOT NULL FROM archive ORDER BY number"
        )
        shown[kind] = [is_shown for (is_shown,) in rows]

    for kind in TYPES:
        expected = [fits(value, kind) and value != {"NULL": True} for value in VALUES]
        assert shown[kind] == expected, kind


def test_evidence_follows_maps_and_stops_at_the_bound():
    item = {"m": {"M": {"a": {"N": "1"}, "b": {"M": {"c": {"S": "x"}}}}}}
    evidence = gather([item, *({f"n{n}": {"BOOL": True}} for n in range(MAX_PATHS))])

    assert {("m",), ("m", "a"), ("m", "b"), ("m", "b", "c")} < set(evidence.attributes)
    assert len(evidence.attributes) == MAX_PATHS
    assert evidence.untracked == 4
    assert value_at(item, ("m", "b", "c")) == {"S": "x"}
    assert value_at(item, ("m", "none", "c")) is None


def test_names_that_differ_by_case_or_separators_are_alike():
    evidence = gather([{"customerID": {"S": "a"}, "other": {"S": "a"}}, {"customer_id": {"S": "b"}}])

    assert [[each.path[0] for each in group] for group in evidence.alike()] == [["customerID", "customer_id"]]


@pytest.mark.parametrize(
    ("count", "total", "text"),
    [
        (3, 3, "100 %"),
        (1, 3, "33.3 %"),
        (1, 1000, "0.1 %"),
        (1, 10**6, "under 0.01 %"),
        (9999, 10_000, "99.9 %"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(count, total, text):
    assert percentage(count, total) == text
