"""Java date patterns, as S3 prefixes use them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttl_archive.infra.local.firehose.date_patterns import PatternError, check_pattern, evaluate_pattern

AT = datetime(2026, 9, 7, 4, 5, 6, 123456, UTC)  # a Monday


@pytest.mark.parametrize(
    ("expected", "pattern"),
    [
        ("2026", "y"),
        ("26", "yy"),
        ("2026", "yyyy"),
        ("02026", "yyyyy"),
        ("2026", "uuuu"),
        ("2026", "YYYY"),
        ("9", "M"),
        ("09", "MM"),
        ("Sep", "MMM"),
        ("September", "MMMM"),
        ("S", "MMMMM"),
        ("Sep", "LLL"),
        ("7", "d"),
        ("07", "dd"),
        ("250", "D"),
        ("250", "DDD"),
        ("Mon", "E"),
        ("Mon", "EEE"),
        ("Monday", "EEEE"),
        ("M", "EEEEE"),
        ("37", "ww"),
        ("3", "Q"),
        ("03", "QQ"),
        ("Q3", "QQQ"),
        ("3rd quarter", "QQQQ"),
        ("4", "H"),
        ("04", "HH"),
        ("04", "hh"),
        ("04", "kk"),
        ("04", "KK"),
        ("05", "mm"),
        ("06", "ss"),
        ("1", "S"),
        ("123", "SSS"),
        ("123456000", "SSSSSSSSS"),
        ("AM", "a"),
        ("2026/09/07/04/", "yyyy/MM/dd/HH/"),
        ("dt=2026-09-07", "'dt='yyyy-MM-dd"),
        ("year=2026/month=09", "'year='yyyy'/month='MM"),
        ("4 o'clock", "H' o''clock'"),
        ("'", "''"),
        ("2026年9月", "yyyy年M月"),
        ("07Sep", "ddMMM"),
        ("[#]{T}", "'[#]{T}'"),
    ],
)
def test_a_pattern_evaluates_as_in_java(expected: str, pattern: str) -> None:
    check_pattern(pattern)

    assert evaluate_pattern(pattern, AT) == expected


@pytest.mark.parametrize(("expected", "hour"), [("24 12 0 AM", 0), ("12 12 0 PM", 12), ("23 11 11 PM", 23)])
def test_the_four_ways_to_write_an_hour(expected: str, hour: int) -> None:
    assert evaluate_pattern("k h K a", AT.replace(hour=hour)) == expected


def test_week_year_is_next_year_on_the_29th_of_december() -> None:
    at = datetime(2025, 12, 29, tzinfo=UTC)

    assert (evaluate_pattern("yyyy", at), evaluate_pattern("YYYY", at)) == ("2025", "2026")


def test_day_of_year_is_padded_to_the_number_of_letters() -> None:
    assert evaluate_pattern("D DD DDD", datetime(2026, 1, 2, tzinfo=UTC)) == "2 02 002"


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("Unknown pattern letter: T", "yyyy-MM-ddTHH"),
        ("Unknown pattern letter: b", "b"),
        ("Too many pattern letters: d", "ddd"),
        ("Too many pattern letters: M", "MMMMMM"),
        ("Too many pattern letters: D", "DDDD"),
        ("Too many pattern letters: a", "aa"),
        ("Too many pattern letters: S", "SSSSSSSSSS"),
        ("does not evaluate the letter V", "VV"),
        ("ends inside a quoted text", "'dt=yyyy"),
        ("is reserved", "yyyy[MM]"),
        ("is reserved", "yyyy#"),
    ],
)
def test_a_pattern_java_refuses_is_refused_by_name(message: str, pattern: str) -> None:
    with pytest.raises(PatternError, match=message):
        check_pattern(pattern)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_quoted_text_comes_out_unchanged(text: str) -> None:
    pattern = "'" + text.replace("'", "''") + "'"

    check_pattern(pattern)

    assert evaluate_pattern(pattern, AT) == (text or "'")


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))
def test_numbers_read_back_as_the_instant(at: datetime) -> None:
    assert datetime.strptime(evaluate_pattern("yyyyMMddHHmmssSSSSSS", at), "%Y%m%d%H%M%S%f") == at
