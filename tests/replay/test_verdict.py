"""What the transform says of a failed record today."""

import pytest

from tests.replay.samples import CSV_SETTINGS, EVENT_US, SETTINGS, change, error_line
from ttl_archive.replay.error_objects.error_lines import Unreadable, read_lines
from ttl_archive.replay.verdict import Refused, judge
from ttl_archive.transform.convert import Drop, Row, converter
from ttl_archive.transform.settings import Settings


def verdict(data: bytes, settings: Settings = SETTINGS) -> object:
    (record,) = read_lines([error_line(data)])
    return judge(settings)(record)


def test_a_removal_by_ttl_would_be_delivered_as_the_transform_does() -> None:
    assert verdict(change(1)) == converter(SETTINGS)(change(1))


def test_another_change_would_be_dropped_by_its_rule() -> None:
    assert verdict(change(1, name="INSERT")) == Drop("not-a-removal")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"x", "NotJson"),
        (b"{}", "NotAChangeRecord"),
        (change(1, table="Other"), "OtherTable"),
        (b"\xff", "NotUtf8"),
    ],
)
def test_a_bad_record_would_fail_with_its_code(data: bytes, code: str) -> None:
    assert verdict(data) == Refused(code)


@pytest.mark.parametrize("settings", [SETTINGS, CSV_SETTINGS], ids=["jsonl", "csv"])
def test_a_row_of_the_transform_itself_is_taken_as_it_is(settings: Settings) -> None:
    row = converter(settings)(change(1))
    assert isinstance(row, Row)

    assert (
        verdict(row.line, settings)
        == verdict(row.line.rstrip(b"\n"), settings)
        == Row(row.line, EVENT_US + 1)
    )


@pytest.mark.parametrize("settings", [SETTINGS, CSV_SETTINGS], ids=["jsonl", "csv"])
def test_a_row_of_another_table_is_not_taken(settings: Settings) -> None:
    row = converter(settings)(change(1))
    assert isinstance(row, Row)

    assert isinstance(verdict(row.line.replace(b"DeviceData", b"Other"), settings), Refused)


def test_an_unreadable_piece_keeps_its_code() -> None:
    assert judge(SETTINGS)(Unreadable(1, b"", "HalfWritten")) == Refused("HalfWritten")


def test_a_fault_of_the_code_itself_refuses_that_record_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(settings: Settings) -> object:
        return lambda data: 1 / 0

    monkeypatch.setattr("ttl_archive.replay.verdict.converter", faulty)

    assert verdict(change(1)) == Refused("UnexpectedZeroDivisionError")
