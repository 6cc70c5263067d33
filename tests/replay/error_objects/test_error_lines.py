"""The bytes of an error object, in every layout that Firehose has been seen to write, and damaged."""

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.samples import error_line
from ttl_archive.replay.error_objects import error_lines
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable, read_lines
from ttl_archive.transform.errors import RecordError


def chunked(data: bytes, size: int = 7) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def data_of(found: list[FailedRecord | Unreadable]) -> list[bytes]:
    return [each.data() for each in found if isinstance(each, FailedRecord)]


@pytest.mark.parametrize("between", [b"\n", b"", b"\r\n", b"\n\n", b" ", b"\n  "])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_every_record_is_read_however_the_lines_are_joined(between: bytes, packed: bool, end: bytes) -> None:
    datas = [b"one", b"", b'}{"three"']
    data = between.join(error_line(each) for each in datas) + end

    found = list(read_lines(chunked(gzip.compress(data) if packed else data)))

    assert datas == data_of(found)
    assert [each.number for each in found] == [1, 2, 3]


def test_a_line_whose_message_is_not_utf8_is_unreadable_and_the_next_line_is_read() -> None:
    damaged = error_line(b"1", errorMessage="?").replace(b"?", b"\xff")

    unreadable, record = read_lines([damaged + b"\n" + error_line(b"2")])

    assert unreadable == Unreadable(1, damaged, "NotAnErrorLine")
    assert data_of([record]) == [b"2"]


@pytest.mark.parametrize(("levels", "is_read"), [(599, True), (600, False), (5_000, False), (200_000, False)])
@pytest.mark.parametrize(("head", "tail"), [("[", "]"), ('{"":', "}")])
def test_an_error_line_of_more_than_600_levels_is_unreadable(
    levels: int, is_read: bool, head: str, tail: str
) -> None:
    deep = error_line(b"1")[:-1] + f',"x":{head * levels}1{tail * levels}}}'.encode()

    first, second = read_lines([deep + b"\n" + error_line(b"2")])

    assert isinstance(first, FailedRecord) == is_read
    assert data_of([second]) == [b"2"]


def test_gzip_of_several_members_is_read() -> None:
    data = gzip.compress(error_line(b"1") + b"\n") + gzip.compress(error_line(b"2") + b"\n")

    assert data_of(list(read_lines(chunked(data)))) == [b"1", b"2"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"errorCode": "A"}, "A"),
        ({"errorCode": None, "lastErrorCode": "B"}, "B"),
        ({"errorCode": None, "ErrorCode": "C"}, "C"),
        ({"errorCode": None}, "none"),
    ],
)
def test_the_error_code_is_found_under_each_of_its_names(fields: dict[str, str], code: str) -> None:
    (record,) = read_lines([error_line(b"x", **fields)])

    assert isinstance(record, FailedRecord)
    assert code == record.code


@pytest.mark.parametrize("value", [1_763_600_001_000, "1763600001000"])
def test_numbers_may_be_strings(value: object) -> None:
    (record,) = read_lines([error_line(b"x", arrivalTimestamp=value, attemptsMade=str(3))])

    assert isinstance(record, FailedRecord)
    assert record.arrived_ms == 1_763_600_001_000
    assert record.attempts == 3


def test_unknown_fields_are_kept_in_the_line() -> None:
    (record,) = read_lines(
        [error_line(b"x", lambdaARN=None, lambdaArn="old", esDocumentId="7", new={"a": [1]})]
    )

    assert isinstance(record, FailedRecord)
    assert {"lambdaArn": "old", "esDocumentId": "7", "new": {"a": [1]}}.items() <= json.loads(
        record.content
    ).items()


@pytest.mark.parametrize(
    ("raw", "code"),
    [(None, "NoRawData"), ("no base64!", "BadRawData"), (7, "BadRawData"), ("YQ", "BadRawData")],
)
def test_raw_data_that_is_none_is_a_record_error(raw: object, code: str) -> None:
    (record,) = read_lines([error_line(b"x", rawData=raw)])

    assert isinstance(record, FailedRecord)
    with pytest.raises(RecordError, match=code):
        record.data()


def test_a_half_written_last_line_is_reported_with_its_bytes() -> None:
    half = error_line(b"2")[:-9]

    first, second = read_lines(chunked(error_line(b"1") + b"\n" + half))

    assert Unreadable(2, half, "HalfWritten") == second
    assert isinstance(first, FailedRecord)


def test_a_half_written_object_glued_after_whole_ones_is_reported() -> None:
    half = error_line(b"3")[:20]

    found = list(read_lines(chunked(error_line(b"1") + error_line(b"2") + half)))

    assert data_of(found) == [b"1", b"2"]
    assert Unreadable(3, half, "HalfWritten") == found[-1]


@pytest.mark.parametrize("piece", [b"[1]", b"7", b'"text"', b"plain text", b"\xff\xfe", b"{"])
def test_a_line_that_is_no_json_object_is_reported_and_the_next_is_read(piece: bytes) -> None:
    found = list(read_lines([piece + b"\n" + error_line(b"1") + b"\n"]))

    assert Unreadable(1, piece, "NotAnErrorLine") == found[0]
    assert data_of(found) == [b"1"]


@pytest.mark.parametrize("missing", [1, 4, 9, 30])
def test_what_a_truncated_gzip_still_gives_is_read_and_the_rest_is_reported(missing: int) -> None:
    data = b"".join(error_line(str(number).encode()) + b"\n" for number in range(100))

    found = list(read_lines(chunked(gzip.compress(data, mtime=0)[:-missing])))

    assert isinstance(found[-1], Unreadable)
    assert found[-1].code == "TruncatedGzip"
    whole = data_of(found)
    assert [str(number).encode() for number in range(len(whole))] == whole
    assert len(whole) > 50


def test_a_gzip_with_a_wrong_bit_is_reported() -> None:
    data = bytearray(gzip.compress(error_line(b"1") * 50, mtime=0))
    data[len(data) // 2] ^= 0xFF

    assert "DamagedGzip" in [each.code for each in read_lines([bytes(data)]) if isinstance(each, Unreadable)]


def test_an_empty_object_has_no_records() -> None:
    assert list(read_lines([])) == []
    assert list(read_lines([b""])) == []


def test_a_long_glued_object_is_read_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_lines, "_UNBROKEN_BYTES", 1000)
    data = b"".join(error_line(str(number).encode()) for number in range(200))

    found = list(read_lines(chunked(data, 100)))

    assert [str(number).encode() for number in range(200)] == data_of(found)


def test_what_is_longer_than_any_line_is_reported_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_lines, "_UNBROKEN_BYTES", 10)
    monkeypatch.setattr(error_lines, "_LINE_BYTES", 2000)

    found = list(read_lines(chunked(b"x" * 5000 + b"\n" + error_line(b"1"), 500)))

    assert sum(len(each.content) for each in found if isinstance(each, Unreadable)) == 5000
    assert data_of(found) == [b"1"]


@given(
    st.lists(st.binary(max_size=40), max_size=8),
    st.sampled_from([b"", b"\n", b" \n", b"\r\n"]),
    st.integers(1, 60),
    st.booleans(),
)
def test_records_come_out_as_they_went_in(
    datas: list[bytes], between: bytes, size: int, packed: bool
) -> None:
    data = between.join(error_line(each, errorMessage='odd }{ {"a":"}{"} \n') for each in datas)

    found = list(read_lines(chunked(gzip.compress(data) if packed else data, size)))

    assert datas == data_of(found)
    assert len(found) == len(datas)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_byte_that_is_not_white_space_is_lost(data: bytes, size: int) -> None:
    if data[:2] == b"\x1f\x8b":
        return
    pieces = b"".join(each.content for each in read_lines(chunked(data, size)))

    assert data.translate(None, b" \t\n\r\x0b\x0c") == pieces.translate(None, b" \t\n\r\x0b\x0c")


def test_base64_of_the_line_is_the_source_record() -> None:
    (record,) = read_lines([b'{"rawData":"' + base64.b64encode(b"\x00\xff") + b'"}'])

    assert isinstance(record, FailedRecord)
    assert record.data() == b"\x00\xff"
