"""The filter of restore: SQL's comparisons, SQL's NULL, and mistakes told with their place."""

from decimal import Decimal

import pytest

from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.restore.where import compile_where

ROW = {
    "device_id": "d1",
    "temperature": Decimal("21.50"),
    "digits": Decimal("12345678901234567890123456789012345678"),
    "text_number": "7",
    "ok": True,
    "flag": "true",
    "nothing": None,
    "note": "it's 100% broken",
    "site": {"name": "Bern", "geo": {"lat": Decimal("46.9")}},
    "a.b": "dotted",
}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("device_id = 'd1'", True),
        ("device_id <> 'd1'", False),
        ("device_id != 'd2' AND temperature > 21", True),
        ("temperature = 21.5", True),
        ("temperature BETWEEN 21.5 AND 22", True),
        ("digits = 12345678901234567890123456789012345678", True),
        ("digits = 12345678901234567890123456789012345679", False),
        ("text_number < 10", True),
        ("temperature >= '21.5'", True),
        ("device_id > 5", False),
        ("NOT device_id > 5", False),
        ("device_id IN ('d0', 'd1')", True),
        ("device_id NOT IN ('d0', 'd1')", False),
        ("note LIKE 'it''s%'", True),
        ("note LIKE '%100_ broken'", True),
        ("note NOT LIKE '%fixed%'", True),
        ("note like 'IT%'", False),
        ("nothing IS NULL", True),
        ("missing IS NULL", True),
        ("device_id IS NOT NULL", True),
        ("nothing = 'x' OR device_id = 'd1'", True),
        ("NOT nothing = 'x'", False),
        ("ok = TRUE AND flag = true", True),
        ("ok = FALSE", False),
        ("site.name = 'Bern' AND site.geo.lat > 46", True),
        ("site.nowhere.deep IS NULL", True),
        ("\"a.b\" = 'dotted'", True),
        ("device_id = 'x' OR device_id = 'd1' AND temperature < 0", False),
        ("(device_id = 'x' OR device_id = 'd1') AND temperature > 0", True),
        ("NOT (device_id = 'x' OR temperature < 0)", True),
        ("temperature > -1e2", True),
    ],
)
def test_a_row_is_taken_as_sql_would(where: str, expected: bool) -> None:
    assert compile_where(where)(ROW) is expected


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("device_id =", "after 'device_id =' must come a value"),
        ("= 'x'", "must come the name of a column"),
        ("device_id 'x'", "must come a comparison"),
        ("device_id = 'x' device_id = 'y'", "must come the end, AND or OR"),
        ("(a = 1", r"must come \)"),
        ("a IN (1, 2", r"must come \)"),
        ("a BETWEEN 1", "must come AND"),
        ("a = 'open", "cannot read from"),
        ("a IS 5", "must come NULL"),
        ("a ; b", "cannot read from"),
    ],
)
def test_a_mistake_is_told_with_its_place(where: str, told: str) -> None:
    with pytest.raises(MisuseError, match=told):
        compile_where(where)
