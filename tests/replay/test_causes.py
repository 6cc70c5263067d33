"""Causes and remedies: which attribute is to blame, what to do, and that every code is explained."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.samples import CSV_SETTINGS, SETTINGS, change, error_line
from ttl_archive.replay.causes import Cause, explainer, path_text
from ttl_archive.replay.error_objects.error_lines import Unreadable, read_lines
from ttl_archive.replay.remedies import REMEDIES, remedy, settings_to_add
from ttl_archive.replay.verdict import Refused, judge
from ttl_archive.transform.convert import Row
from ttl_archive.transform.settings import Settings, parse

ROOT = Path(__file__).parents[2]
FLAT = parse({"table": {"name": "DeviceData", "ttl_attribute": "t"}, "output": {"nested": "flatten"}})
TABLE: dict[str, Any] = {"table": {"name": "DeviceData", "ttl_attribute": "t"}}


def cause_of(data: bytes, settings: Settings = SETTINGS) -> Cause:
    (record,) = read_lines([error_line(data)])
    verdict = judge(settings)(record)
    assert isinstance(verdict, Refused), verdict
    return explainer(settings)(record, verdict)


def image(**attributes: Any) -> bytes:
    return change(1, **attributes)


NESTED = image(a={"M": {"b_c": {"S": "x"}, "b": {"M": {"c": {"S": "x"}}}}})


@pytest.mark.parametrize(
    ("data", "settings", "code", "attribute"),
    [
        (image(a={"S": "x"}, bad={"N": "1x"}), SETTINGS, "BadNumber", "bad"),
        (image(a={"M": {"b": {"L": [{"N": "1"}, {"N": "x"}]}}}), SETTINGS, "BadNumber", "a.b[1]"),
        (image(a={"B": "%%%"}), SETTINGS, "BadBinary", "a"),
        (image(a={"M": {"c": {"S": "x"}, "b": {"X": "x"}}}), SETTINGS, "BadAttributeValue", "a.b"),
        (image(a={"S": "x", "N": "1"}), SETTINGS, "BadAttributeValue", "a"),
        (image(dt={"S": "x"}), SETTINGS, "ColumnCollision", "dt"),
        (image(DDB_Table={"S": "x"}), SETTINGS, "ColumnCollision", "DDB_Table"),
        (image(Temp={"S": "x"}, b={"S": "x"}, temp={"S": "x"}), SETTINGS, "ColumnCollision", "Temp and temp"),
        (image(device_id={"S": "x"}), CSV_SETTINGS, "ColumnCollision", "device_id"),
        (image(a_b={"S": "x"}, a={"M": {"b": {"S": "x"}}}), FLAT, "ColumnCollision", "a_b and a"),
        (NESTED, FLAT, "ColumnCollision", "a.b_c and a.b"),
        (change(1, table="Orders"), SETTINGS, "OtherTable", "Orders"),
        (b"no json", SETTINGS, "NotJson", ""),
        (b"{}", SETTINGS, "NotAChangeRecord", ""),
        (b"\xff", SETTINGS, "NotUtf8", ""),
        (change(1).replace(b'"OldImage"', b'"Other"'), SETTINGS, "MissingImage", ""),
        (change(1).replace(b"1763600000000001", b"17"), SETTINGS, "BadEventTime", ""),
    ],
)  # fmt: skip
def test_a_cause_names_the_code_and_the_attribute(
    data: bytes, settings: Settings, code: str, attribute: str
) -> None:
    cause = cause_of(data, settings)

    assert (cause.code, cause.attribute) == (code, attribute)


@pytest.mark.parametrize(
    ("attributes", "settings"),
    [
        ({"dt": {"S": "x"}}, {}),
        ({"Temp": {"S": "x"}, "temp": {"S": "x"}}, {}),
        ({"temp_2": {"S": "x"}, "Temp": {"S": "x"}, "temp": {"S": "x"}}, {}),
        ({"device.id": {"S": "x"}, "DEVICE.ID": {"S": "x"}}, {}),
        ({'a"b\\c': {"S": "x"}, 'A"b\\c': {"S": "x"}}, {}),
        ({"a_b": {"S": "x"}, "a": {"M": {"b": {"S": "x"}}}}, {"output": {"nested": "flatten"}}),
        ({"device_id": {"S": "x"}}, {"columns": [{"name": "device_id", "path": "deviceID"}]}),
    ],
)
def test_what_to_paste_into_the_settings_delivers_the_record(
    attributes: dict[str, Any], settings: dict[str, Any]
) -> None:
    document = TABLE | settings
    for _ in range(3):  # another pair may collide after the first is settled
        configured = parse(document)
        (record,) = read_lines([error_line(image(**attributes))])
        verdict = judge(configured)(record)
        if isinstance(verdict, Row):
            return
        assert isinstance(verdict, Refused)
        pasted = tomllib.loads(settings_to_add(explainer(configured)(record, verdict), configured))
        document = document | {"columns": [*document.get("columns", []), *pasted["columns"]]}

    pytest.fail("the record is still refused")


def test_the_settings_of_another_table_name_it() -> None:
    added = settings_to_add(cause_of(change(1, table="Orders")), SETTINGS)

    assert tomllib.loads(added) == {"table": {"name": "Orders"}}


def test_no_setting_is_offered_where_none_helps() -> None:
    assert settings_to_add(cause_of(image(bad={"N": "1x"})), SETTINGS) == ""


def test_a_cause_has_no_value_of_the_item() -> None:
    cause = cause_of(image(a={"M": {"b": {"N": "secret"}}}))

    assert "secret" not in repr(cause) + remedy(cause.code) + settings_to_add(cause, SETTINGS)


@given(st.binary(max_size=60), st.sampled_from(sorted(REMEDIES)))
def test_no_record_makes_the_explanation_fail(data: bytes, code: str) -> None:
    explain = explainer(SETTINGS)
    (record,) = read_lines([error_line(data)])

    assert explain(record, Refused(code)).code == code
    assert explain(Unreadable(1, data, code), Refused(code)) == Cause(code)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "A", "dt", "b"]), JSON, max_size=4))
def test_no_image_makes_the_explanation_fail(attributes: dict[str, Any]) -> None:
    (record,) = read_lines([error_line(image(**attributes))])
    verdict = judge(SETTINGS)(record)

    if isinstance(verdict, Refused):
        assert explainer(SETTINGS)(record, verdict).code == verdict.code


def test_the_search_for_an_attribute_is_linear_in_their_number() -> None:
    """Each step asks about half of the attributes, so an item of the largest size takes no minutes."""
    many = {f"attribute{number}": {"S": "x"} for number in range(5_000)} | {"bad": {"N": "1x"}}

    assert cause_of(image(**many)).attribute == "bad"


@pytest.mark.parametrize(
    ("path", "text"), [(("a",), "a"), (("a", "b"), "a.b"), (("a", 0, "b"), "a[0].b"), ((), "")]
)
def test_a_path_is_written_with_dots_and_brackets(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text


def codes_in_the_code() -> set[str]:
    """Every code with which the transform, the reader of error lines or a sink refuses a record.

    The ingest function sends what it refuses to a dead-letter queue, which no command replays.
    """
    text = "".join(
        path.read_text(encoding="utf-8")
        for room in ("transform", "replay/error_objects", "replay/sinks", "replay")
        for path in (ROOT / room).glob("*.py")
        if path.stem.partition("_")[0] != "ingest"
    )
    raised = r'(?:RecordError|Refused|DamagedGzipError)\("(\w+)"\)'
    pieces = r'(?:Unreadable\((?:0|next\(numbers\)), [\w.()]+, |_Piece\([\w.()]+, |code: str = )"(\w+)"'
    return set(re.findall(raised, text)) | set(re.findall(pieces, text))


def test_every_code_has_a_remedy_and_a_section_in_the_readme() -> None:
    readme = (ROOT / "replay/README.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^### (\w+)$", readme, re.MULTILINE))
    # Firehose's own encoding, which an error line does not have; a row of which Firehose would take no more.
    only_in_the_batch = {"NotBase64", "RowTooLarge"}

    assert {"ColumnCollision", "HalfWritten", "TruncatedGzip", "TooLargeForStream"} <= codes_in_the_code()
    assert codes_in_the_code() - only_in_the_batch == set(REMEDIES) == sections


def test_a_code_that_nobody_expected_is_a_defect_to_report() -> None:
    assert "defect of ttl-archive" in remedy("UnexpectedZeroDivisionError")


def test_every_remedy_is_in_full_sentences() -> None:
    for code in REMEDIES:
        assert re.match(r"[A-Z].*\.$", remedy(code), re.DOTALL), code
