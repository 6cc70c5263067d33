"""Which attribute goes into which column: paths, nested maps, and never two into one."""

from typing import Any

import pytest

from tests.transform.builders import Digits, change, encoded, outcome, row, settings

PLACE = {
    "M": {"city": {"S": "Oslo"}, "geo": {"M": {"lat": {"N": "59.9"}, "tags": {"L": []}}}, "none": {"M": {}}}
}
IMAGE = {"deviceID": {"S": "d1"}, "place": PLACE}


def columns(image: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """The columns of the row that come from the image."""
    found = row(image, settings(image=False, **keys))
    return dict(list(found.items())[6:])


def test_attributes_without_a_column_pass_through() -> None:
    geo = {"lat": Digits("59.9"), "tags": []}

    assert columns(IMAGE) == {"deviceID": "d1", "place": {"city": "Oslo", "geo": geo, "none": {}}}


def test_a_column_takes_its_attribute_by_path() -> None:
    assert columns({"deviceID": {"S": "d1"}}, columns={"device_id": "deviceID"}) == {"device_id": "d1"}


def test_a_column_takes_a_nested_value_out_of_its_map() -> None:
    found = columns(IMAGE, columns={"city": "place.city", "lat": "place.geo.lat"})

    assert found == {
        "deviceID": "d1",
        "city": "Oslo",
        "lat": Digits("59.9"),
        "place": {"geo": {"tags": []}, "none": {}},
    }


def test_a_map_whose_members_all_have_columns_is_left_out() -> None:
    image = {"place": {"M": {"city": {"S": "Oslo"}}}}

    assert columns(image, columns={"city": "place.city"}) == {"city": "Oslo"}


@pytest.mark.parametrize("value", [{"S": "x"}, {"L": []}, {"M": {}}, {"M": {"other": {"S": "x"}}}])
def test_a_path_without_a_value_leaves_the_attribute_unchanged(value: Any) -> None:
    assert list(columns({"place": value}, columns={"city": "place.city"})) == ["place"]


def test_a_dotted_name_is_reached_by_a_list_of_names() -> None:
    assert columns({"a.b": {"N": "1"}}, columns={"ab": ["a.b"]}) == {"ab": Digits("1")}


def test_flatten_joins_the_names_of_nested_maps() -> None:
    found = columns(IMAGE, nested="flatten")

    assert found == {
        "deviceID": "d1",
        "place_city": "Oslo",
        "place_geo_lat": Digits("59.9"),
        "place_geo_tags": [],
        "place_none": {},
    }


def test_flatten_leaves_values_with_a_column_to_the_column() -> None:
    found = columns({"a": {"M": {"b": {"M": {"c": {"S": "x"}}}}}}, nested="flatten", columns={"whole": "a.b"})

    assert found == {"whole": {"c": "x"}}


@pytest.mark.parametrize(
    "name",
    [
        "ddb_table", "ddb_event_id", "ddb_event_name", "ddb_event_time", "ddb_event_us",
        "ddb_removed_by", "ddb_rest",
        "ddb_image", "dt", "DT", "DDB_Table",
    ],
)  # fmt: skip
@pytest.mark.parametrize("config", [{}, {"nested": "flatten"}, {"format": "csv", "columns": {"x": "x"}}])
def test_an_attribute_with_a_name_the_row_needs_fails(name: str, config: Any) -> None:
    assert outcome(encoded(change({name: {"S": "x"}})), settings(**config)) == "ColumnCollision"


@pytest.mark.parametrize(
    ("image", "config"),
    [
        ({"a": {"S": "1"}, "A": {"S": "2"}}, {}),
        ({"device_id": {"S": "1"}}, {"columns": {"device_id": "deviceID"}}),
        ({"Device_ID": {"S": "1"}}, {"format": "csv", "columns": {"device_id": "deviceID"}}),
        ({"city": {"S": "1"}}, {"nested": "flatten", "columns": {"city": "place.city"}}),
        ({"device_id": {"S": "1"}, "deviceID": {"S": "2"}}, {"columns": {"device_id": "deviceID"}}),
        ({"Device_ID": {"S": "1"}, "deviceID": {"S": "2"}}, {"columns": {"device_id": "deviceID"}}),
        ({"a_b": {"S": "1"}, "a": {"M": {"b": {"S": "2"}}}}, {"nested": "flatten"}),
        ({"a_B": {"S": "1"}, "a": {"M": {"b": {"S": "2"}}}}, {"nested": "flatten"}),
        ({"a": {"M": {"b_c": {"S": "1"}, "b": {"M": {"c": {"S": "2"}}}}}}, {"nested": "flatten"}),
        ({"city": {"S": "1"}, "place": {"M": {"city": {"S": "2"}}}}, {"columns": {"city": "place.city"}}),
        ({"ddb": {"M": {"image": {"S": "x"}}}}, {"nested": "flatten"}),
    ],
)
def test_two_values_for_one_column_fail_and_neither_is_lost(image: Any, config: Any) -> None:
    record = encoded(change(image))

    assert outcome(record, settings(**config)) == "ColumnCollision"
    assert outcome(record, settings(**config)) == "ColumnCollision"  # also the second time


def test_with_another_date_column_items_may_use_the_name_dt() -> None:
    assert columns({"dt": {"S": "x"}}, date_column="day") == {"dt": "x"}
    assert outcome(encoded(change({"day": {"S": "x"}})), settings(date_column="day")) == "ColumnCollision"


def test_names_inside_a_kept_map_may_differ_only_in_case() -> None:
    assert columns({"m": {"M": {"a": {"S": "1"}, "A": {"S": "2"}}}}) == {"m": {"a": "1", "A": "2"}}
