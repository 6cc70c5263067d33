"""What each column type makes of each attribute value, in every shape of row.

The expected values follow from Trino's rules, as the sources of ttl_archive.infra.sql.grammar state them,
and from the promise that no value is rounded. None is taken from an engine's answer.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.infra.sql.sql_archive import FLAT, WITH_IMAGE, SqlArchive, settings, streams_change
from tests.transform.builders import change

AWKWARD = 'q"\\ ,\r\n\t\x00\x1f\x7f é下\u2028\U0001f600'
DIGITS_38 = "12345678901234567890123456789012345678"
MISFIT = object()  # NULL in the column, and counted

# Column type, attribute value, what the column shows.
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("bigint", {"N": "12"}, 12),
    ("bigint", {"N": "-7"}, -7),
    ("bigint", {"N": "0"}, 0),
    ("bigint", {"N": "9223372036854775807"}, 9223372036854775807),
    ("bigint", {"N": "-9223372036854775808"}, -9223372036854775808),
    ("bigint", {"N": "9223372036854775808"}, MISFIT),
    ("bigint", {"N": DIGITS_38}, MISFIT),
    ("bigint", {"N": "1E3"}, MISFIT),
    ("bigint", {"N": "1.5"}, MISFIT),
    ("bigint", {"S": "12"}, 12),
    ("bigint", {"S": "0x10"}, MISFIT),
    ("bigint", {"S": "1_000"}, MISFIT),
    ("bigint", {"S": " 12"}, MISFIT),
    ("bigint", {"S": "12\n"}, MISFIT),
    ("bigint", {"S": "yes"}, MISFIT),
    ("bigint", {"BOOL": True}, MISFIT),
    ("bigint", {"B": "MTI="}, MISFIT),
    ("bigint", {"M": {"a": {"N": "1"}}}, MISFIT),
    ("bigint", {"L": [{"N": "1"}]}, MISFIT),
    ("bigint", {"NS": ["1"]}, MISFIT),
    ("bigint", {"NULL": True}, None),
    ("decimal(38,2)", {"N": "5E-5"}, MISFIT),  # DuckDB's own cast: 0.01
    ("decimal(38,2)", {"N": "12345678901234567890123456789012345678E-2"},
     Decimal("123456789012345678901234567890123456.78")),  # DuckDB's own cast: NULL
    ("decimal(38,0)", {"N": DIGITS_38}, Decimal(DIGITS_38)),
    ("decimal(38,0)", {"N": "-" + DIGITS_38}, Decimal("-" + DIGITS_38)),
    ("decimal(38,0)", {"N": "1" + DIGITS_38}, MISFIT),
    ("decimal(38,0)", {"N": "1E+37"}, Decimal(10**37)),
    ("decimal(38,0)", {"N": "1E+38"}, MISFIT),
    ("decimal(38,0)", {"N": "1E-1"}, MISFIT),
    ("decimal(38,38)", {"N": "1E-38"}, Decimal("1E-38")),
    ("decimal(38,38)", {"N": "1"}, MISFIT),
    ("decimal(38,38)", {"N": "-0.12345678901234567890123456789012345678"},
     Decimal("-0.12345678901234567890123456789012345678")),
    ("decimal(38,37)", {"N": "1.2345678901234567890123456789012345678"},
     Decimal("1.2345678901234567890123456789012345678")),
    ("decimal(5,1)", {"N": "36.1"}, Decimal("36.1")),
    ("decimal(5,1)", {"N": "36.10"}, Decimal("36.1")),
    ("decimal(5,1)", {"N": "36.15"}, MISFIT),  # a cast would round it
    ("decimal(5,1)", {"N": "9999.9"}, Decimal("9999.9")),
    ("decimal(5,1)", {"N": "10000"}, MISFIT),
    ("decimal(5,1)", {"N": "361E-1"}, Decimal("36.1")),
    ("decimal(5,1)", {"N": "-3.61e+1"}, Decimal("-36.1")),
    ("decimal(5,1)", {"N": "0E-100"}, Decimal("0")),
    ("decimal(5,1)", {"N": "1E-130"}, MISFIT),
    ("decimal(5,1)", {"N": "9.9E+125"}, MISFIT),
    ("decimal(5,1)", {"S": "n/a"}, MISFIT),
    ("decimal(5,1)", {"S": "1e1e1"}, MISFIT),
    ("decimal(5,1)", {"S": "1E"}, MISFIT),
    ("decimal(5,1)", {"S": ""}, MISFIT),
    ("double", {"N": "1.5"}, 1.5),
    ("double", {"N": "1E3"}, 1000.0),
    ("double", {"N": "9.9E+125"}, 9.9e125),
    ("double", {"N": "1E-130"}, 1e-130),
    ("double", {"S": "NaN"}, MISFIT),
    ("double", {"S": "1d"}, MISFIT),
    ("double", {"S": "Infinity"}, MISFIT),
    ("boolean", {"BOOL": True}, True),
    ("boolean", {"BOOL": False}, False),
    ("boolean", {"S": "true"}, True),
    ("boolean", {"S": "TRUE"}, MISFIT),
    ("boolean", {"S": "yes"}, MISFIT),
    ("boolean", {"N": "1"}, MISFIT),
    ("timestamp", {"S": "2025-11-21T06:26:52Z"}, datetime(2025, 11, 21, 6, 26, 52)),
    ("timestamp", {"S": "2025-11-21 06:26:52.123"}, datetime(2025, 11, 21, 6, 26, 52, 123000)),
    ("timestamp", {"S": "2025-11-21T06:26:52.120000000Z"}, datetime(2025, 11, 21, 6, 26, 52, 120000)),
    ("timestamp", {"S": "2025-11-21T06:26"}, datetime(2025, 11, 21, 6, 26)),
    ("timestamp", {"S": "2025-11-21"}, datetime(2025, 11, 21)),
    ("timestamp", {"S": "2024-02-29"}, datetime(2024, 2, 29)),
    ("timestamp", {"S": "2025-02-29"}, MISFIT),
    ("timestamp", {"S": "9999-12-31T23:59:59.999Z"}, datetime(9999, 12, 31, 23, 59, 59, 999000)),
    ("timestamp", {"S": "0999-01-01"}, MISFIT),
    ("timestamp", {"S": "2025-11-21T06:26:52.1234Z"}, MISFIT),
    ("timestamp", {"S": "2025-11-21T06:26:52+02:00"}, MISFIT),
    ("timestamp", {"S": "2025-11-21 24:00:00"}, MISFIT),
    ("timestamp", {"N": "1763706412"}, MISFIT),
    ("string", {"S": "Oslo"}, "Oslo"),
    ("string", {"S": ""}, ""),
    ("string", {"S": "null"}, "null"),
    ("string", {"S": AWKWARD}, AWKWARD),
    ("string", {"N": DIGITS_38}, DIGITS_38),
    ("string", {"N": "0.12345678901234567890"}, "0.12345678901234567890"),
    ("string", {"N": "1E3"}, "1E3"),
    ("string", {"BOOL": True}, "true"),
    ("string", {"B": "EgIIew=="}, "EgIIew=="),
    ("string", {"NULL": True}, None),
]  # fmt: skip


@pytest.mark.parametrize("shape", FLAT)
@pytest.mark.parametrize("feed", [change, streams_change], ids=["kinesis", "streams"])
def test_a_column_shows_a_value_exactly_or_not_at_all(tmp_path: Path, shape: str, feed: Any) -> None:
    """One table has a column for each case, and one item has all values."""
    columns = [{"name": f"c{n}", "type": kind} for n, (kind, _, _) in enumerate(CASES)]
    image = {f"c{n}": value for n, (_, value, _) in enumerate(CASES)}
    chosen, archive = settings(shape, columns), SqlArchive(tmp_path)
    archive.deliver(chosen, feed(image))
    names = ", ".join(column["name"] for column in columns)

    for relation in ("archive", "archive_unique"):
        (found,) = archive.ask(chosen, f"SELECT {names} FROM {relation}")
        wrong = {
            f"{kind} {value}": (shown, expected)
            for (kind, value, expected), shown in zip(CASES, found, strict=True)
            if shown != (None if expected is MISFIT else expected)
        }
        assert wrong == {}
    counted = archive.misfits(chosen)
    assert {name for name, count in counted.items() if count} == {
        f"c{n}" for n, (_, value, expected) in enumerate(CASES) if expected is MISFIT
    }


@pytest.mark.parametrize("shape", FLAT)
def test_an_attribute_that_is_missing_is_null_and_no_misfit(tmp_path: Path, shape: str) -> None:
    kinds = ["bigint", "double", "decimal(5,1)", "boolean", "timestamp", "string", "json"]
    columns = [{"name": f"c{n}", "type": kind} for n, kind in enumerate(kinds)]
    chosen, archive = settings(shape, columns), SqlArchive(tmp_path)
    archive.deliver(chosen, change({"id": {"S": "a"}}), change({"c0": {"N": "1"}}))

    found = archive.ask(chosen, "SELECT c0, c1, c2, c3, c4, c5, c6 FROM archive ORDER BY c0")
    assert found == [(1, *[None] * 6), (None,) * 7]
    assert set(archive.misfits(chosen).values()) == {0}


@pytest.mark.parametrize("shape", WITH_IMAGE)
def test_a_json_column_is_the_attribute_value_of_the_image(tmp_path: Path, shape: str) -> None:
    chosen, archive = settings(shape, [{"name": "doc", "type": "json"}]), SqlArchive(tmp_path)
    values = ['{"M":{"q":{"L":[{"N":"1.10"},{"BOOL":false}]}}}', '{"NS":["0.12345678901234567890"]}']
    archive.deliver(
        chosen,
        change({"doc": {"M": {"q": {"L": [{"N": "1.10"}, {"BOOL": False}]}}}}),
        change({"doc": {"NS": ["0.12345678901234567890"]}}),
    )

    assert archive.ask(chosen, "SELECT doc FROM archive ORDER BY doc") == [(value,) for value in values]


def test_without_an_image_an_object_is_its_json_or_null_and_counted(tmp_path: Path) -> None:
    chosen = settings("jsonl without image", [{"name": "doc", "type": "json"}, {"name": "text"}])
    archive = SqlArchive(tmp_path)
    archive.deliver(
        chosen,
        change({"doc": {"M": {"q": {"N": "1.5"}, "s": {"S": 'é "x"'}}}, "text": {"L": [{"N": "1"}]}}),
        change({"doc": {"L": [{"N": "0.12345678901234567890"}]}, "text": {"S": "b"}}),
    )

    found = archive.ask(chosen, "SELECT doc, text FROM archive ORDER BY text")
    assert found == [('{"q":1.5,"s":"é \\"x\\""}', "[1]"), (None, "b")]
    assert archive.misfits(chosen) == {"doc": 1, "text": 0}


def test_without_an_image_a_number_is_null_and_counted_where_its_digits_are_not_sure(tmp_path: Path) -> None:
    """Two members of one name: the line's text does not say which number is whose."""
    chosen = settings("jsonl without image", [{"name": "n"}])
    archive = SqlArchive(tmp_path)
    nested = {"M": {"n": {"N": "0.1234567890123456789"}}}
    archive.deliver(chosen, change({"n": {"N": "0.12345678901234567"}, "place": nested}))

    assert archive.ask(chosen, "SELECT n FROM archive") == [(None,)]
    assert archive.misfits(chosen) == {"n": 1}


def test_an_envelope_has_its_images_or_null_and_counts(tmp_path: Path) -> None:
    chosen, archive = settings("envelope without image", []), SqlArchive(tmp_path)
    archive.deliver(
        chosen, change({"id": {"S": "a"}}, "modify"), change({"n": {"N": "0.12345678901234567890"}}, "insert")
    )

    found = archive.ask(chosen, "SELECT keys, new_image, old_image FROM archive ORDER BY ddb_event_name")
    assert found == [('{"id":"a"}', None, None), ('{"id":"a"}', '{"id":"a"}', '{"id":"a"}')]
    assert archive.misfits(chosen) == {"keys": 0, "new_image": 1, "old_image": 0}


@pytest.mark.parametrize("shape", ["jsonl", "csv", "envelope"])
def test_metadata_has_types(tmp_path: Path, shape: str) -> None:
    chosen, archive = settings(shape, [{"name": "id"}]), SqlArchive(tmp_path)
    archive.deliver(chosen, change(), change(kind="insert"))

    query = "SELECT ddb_event_name, ddb_event_time, ddb_event_us, ddb_removed_by, dt FROM archive ORDER BY 1"
    time = datetime(2025, 11, 21, 6, 26, 52, 123000)
    assert archive.ask(chosen, query) == [
        ("INSERT", time, 1763706412123456, None, "2025-11-21"),
        ("REMOVE", time, 1763706412123456, "ttl", "2025-11-21"),
    ]
