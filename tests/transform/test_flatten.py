"""Each of the ten attribute types becomes its plain value, exactly, from either feed; anything else fails."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from msgspec import Raw

from tests.strategies import images, numbers, twice, values
from tests.transform import reference
from tests.transform.builders import (
    EVENT_US,
    Digits,
    change,
    encoded,
    event,
    outcome,
    read_row,
    row,
    run,
    settings,
)
from ttl_archive.transform.flatten import binary_twice
from ttl_archive.transform.image_text import image_text

SECONDS = {
    "ApproximateCreationDateTime": EVENT_US // 1_000_000,
    "ApproximateCreationDateTimePrecision": None,
}
DIGITS_38 = "1234567890123456789012345678901234567.8"


def kinesis(value: Any) -> Any:
    """The plain value of attribute `x` as the Kinesis feed carries it."""
    return row({"x": value})["x"]


def streams(value: Any) -> Any:
    return row({"x": value}, dynamodb=SECONDS)["x"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"S": "text"}, "text"),
        ({"S": ""}, ""),
        ({"S": "1"}, "1"),
        ({"S": '\x00\x7f\u2028 下野 \U0001f600 \\ " \r\n'}, '\x00\x7f\u2028 下野 \U0001f600 \\ " \r\n'),
        ({"N": "0"}, Digits("0")),
        ({"N": "-0"}, Digits("-0")),
        ({"N": "1.50"}, Digits("1.50")),
        ({"N": DIGITS_38}, Digits(DIGITS_38)),
        (
            {"N": "-9.9999999999999999999999999999999999999E+125"},
            Digits("-9.9999999999999999999999999999999999999E+125"),
        ),
        ({"N": "1E-130"}, Digits("1E-130")),
        ({"N": "1" + "0" * 125}, Digits("1" + "0" * 125)),
        ({"BOOL": True}, True),
        ({"BOOL": False}, False),
        ({"NULL": True}, None),
        ({"M": {}}, {}),
        ({"M": {"S": {"S": "x"}, "": {"N": "1"}}}, {"S": "x", "": Digits("1")}),
        ({"L": []}, []),
        ({"L": [{"N": "1"}, {"L": [{"NULL": True}]}, {"S": "1"}]}, [Digits("1"), [None], "1"]),
        ({"SS": ["b", "a", ""]}, ["b", "a", ""]),
        ({"NS": ["3", "2.50", "-1E+2"]}, [Digits("3"), Digits("2.50"), Digits("-1E+2")]),
    ],
)
def test_a_value_is_the_same_from_either_feed(value: Any, expected: Any) -> None:
    assert kinesis(value) == expected
    assert streams(value) == expected


# Sources: awslabs/amazon-kinesis-client #959; DynamoDB Developer Guide, kds.
@pytest.mark.parametrize(
    ("encoded_twice", "expected"),
    [
        ("RWdJSWV3PT0=", b"\x12\x02\x08\x7b"),
        ("Y0d4aFkyVm9iMnhrWlhKZllubDBaWE09", b"placeholder_bytes"),
        ("", b""),
    ],
)
def test_binary_of_the_kinesis_feed_loses_one_encoding(encoded_twice: str, expected: bytes) -> None:
    assert base64.b64decode(kinesis({"B": encoded_twice})) == expected
    assert [base64.b64decode(text) for text in kinesis({"BS": [encoded_twice]})] == [expected]


@pytest.mark.parametrize("once", ["EgIIew==", "/+7d", "AAECAwQ=", "eA=="])
def test_binary_that_the_kinesis_feed_encoded_once_is_unchanged(once: str) -> None:
    assert kinesis({"B": once}) == once
    assert kinesis({"BS": [once]}) == [once]


@pytest.mark.parametrize("once", ["EgIIew==", "RWdJSWV3PT0=", "", "cGxhY2Vob2xkZXI="])
def test_binary_of_dynamodb_streams_is_encoded_once_whatever_it_holds(once: str) -> None:
    assert streams({"B": once}) == once
    assert streams({"BS": [once, "eA=="]}) == [once, "eA=="]


@given(images)
def test_an_image_keeps_every_value_with_its_attributes_sorted_by_name(image: dict[str, Any]) -> None:
    found = row(twice(image))

    assert list(found)[6:-1] == sorted(image)
    assert {name: found[name] for name in image} == {
        name: reference.plain(image[name], once=True) for name in image
    }


@given(images)
def test_the_image_column_has_the_image_with_binary_once(image: dict[str, Any]) -> None:
    assert json.loads(row(twice(image))["ddb_image"]) == image
    assert json.loads(row(image, dynamodb=SECONDS)["ddb_image"]) == image


@given(values)
def test_a_value_is_the_same_however_deep_it_lies(value: Any) -> None:
    flat = twice({"x": value})["x"]
    nested = {"M": {"x": {"L": [{"M": {"y": flat}}]}}}

    assert kinesis(nested) == {"x": [{"y": kinesis(flat)}]}


@given(numbers())
def test_a_number_keeps_its_digits(text: str) -> None:
    line = run(event(encoded(change({"x": {"N": text}})))).lines[0]

    assert b'"x":' + text.encode() + b"," in line


@pytest.mark.parametrize(
    "text",
    [
        '1,"x":2', "1_0", "NaN", "Infinity", "-Infinity", "inf", " 1", "1 ", "1\n", "\n1",
        "\ufeff1", "１２", "٣",
        "", "-", "+1", ".5", "1.", "01", "-01", "1e", "1E+", "0x10", "1e400", "-1e400",
        "1" * 400, "true", "null",
        '"1"', "[1]", "{}", "1/2", "1 2", "1,2", "1\x00", "\x001", "1\u2028", "1d", "--1", "1e1.5",
    ],
)  # fmt: skip
def test_text_that_is_not_a_json_number_fails(text: str) -> None:
    for image in ({"x": {"N": text}}, {"x": {"NS": ["1", text]}}, {"x": {"L": [{"M": {"y": {"N": text}}}]}}):
        assert outcome(encoded(change(image))) == "BadNumber"
        assert outcome(encoded(change(image)), CSV) == "BadNumber"


CSV = settings(format="csv", columns={"x": "x"})


@pytest.mark.parametrize("number", [1, 1.5, None, True, ["1"], {}])
def test_a_number_that_is_not_text_fails(number: Any) -> None:
    for value in ({"N": number}, {"NS": [number]}):
        assert outcome(encoded(change({"x": value}))) in ("BadNumber", "BadAttributeValue")


@pytest.mark.parametrize(
    "text", ["a", "a===", "EgIIew", "EgIIew==\n", " EgIIew==", "Eg-_", "é", "=", 5, None, [], {}]
)
def test_binary_that_is_not_base64_fails(text: Any) -> None:
    for value in ({"B": text}, {"BS": [text]}):
        assert outcome(encoded(change({"x": value}))) == "BadBinary"
        assert outcome(encoded(change({"x": value}, dynamodb=SECONDS))) == "BadBinary"


@pytest.mark.parametrize(
    "value",
    [
        {}, {"Q": "x"}, {"s": "x"}, {"S": "x", "N": "1"}, {"N": "1", "S": "x"}, {"S": "x", "extra": None},
        {"S": 1}, {"S": None}, {"S": ["x"]}, {"BOOL": "true"}, {"BOOL": 1}, {"BOOL": None}, {"NULL": False},
        {"NULL": None}, {"NULL": "true"}, {"M": []}, {"M": None}, {"M": "x"}, {"L": {}},
        {"L": None}, {"L": "x"},
        {"SS": "x"}, {"SS": [1]}, {"SS": {}}, {"SS": None}, {"NS": "12"}, {"NS": {}},
        {"BS": "eA=="}, {"BS": {"a": 1}},
        {"M": {"a": {}}}, {"M": {"a": "x"}}, {"M": {"a": None}}, {"L": [{}]}, {"L": ["x"]}, {"L": [None]},
        {"L": [[]]}, {"": "x"}, {"SS": [None]},
        {"M": {"y": {"M": {"z": {"S": "x"}}}}, "S": "x"}, {"M": {"y": {"M": {"z": {"S": "x"}}, "S": "x"}}},
        "x", 5, None, [], True, [{"S": "x"}],
    ],
)  # fmt: skip
def test_an_invalid_attribute_value_fails_in_every_format(value: Any) -> None:
    record = encoded(change({"x": value}))

    assert outcome(record) == "BadAttributeValue"
    assert outcome(record, CSV) == "BadAttributeValue"
    assert outcome(record, settings(nested="flatten")) == "BadAttributeValue"
    assert outcome(record, settings(columns={"deep": "x.y.z"})) == "BadAttributeValue"
    assert outcome(record, settings(row="envelope")) == "BadAttributeValue"


@pytest.mark.parametrize("levels", [32, 100])
def test_deeper_nesting_than_dynamodb_allows_is_accepted(levels: int) -> None:
    maps: Any = {"S": "x"}
    lists: Any = {"B": "RWdJSWV3PT0="}
    for _ in range(levels):
        maps, lists = {"M": {"a": maps}}, {"L": [lists]}

    found = row({"maps": maps, "lists": lists})

    assert json.dumps(found["maps"]).count("a") == levels
    assert json.dumps(found["lists"]) == "[" * levels + '"EgIIew=="' + "]" * levels


def test_binary_in_the_image_column_is_encoded_once_though_its_type_is_escaped() -> None:
    data = encoded(change({"x": {"Q": "RWdJSWV3PT0="}})).replace(b'"Q"', rb'"\u0042"')

    assert read_row(run(event(data)).lines[0])["ddb_image"] == '{"x":{"B":"EgIIew=="}}'


def test_a_line_is_one_line_whatever_the_image_holds() -> None:
    pretty = json.dumps(change({"x": {"S": "a\nb"}, "y": {"M": {"z": {"N": "1"}}}}), indent=1).encode()

    (line,) = run(event(pretty)).lines

    assert read_row(line)["x"] == "a\nb"
    assert json.loads(read_row(line)["ddb_image"]) == {"x": {"S": "a\nb"}, "y": {"M": {"z": {"N": "1"}}}}


@pytest.mark.parametrize(
    "image",
    [
        {"a": {"B": "QUFBQQ=="}},
        {"B": {"B": "QUFBQQ=="}, "BS": {"BS": ["QUFBQQ==", "QkJCQg=="]}},
        {"a": {"S": 'the text {"B":"QUFBQQ=="} in a string'}, "b": {"B": "QUFBQQ=="}},
        {"a": {"S": "B"}, "b": {"L": [{"B": "QUFBQQ=="}, {"M": {"B": {"S": "BS"}}}]}},
        {"a": {"M": {"B": {"N": "1"}}}, "c": {"BS": ["QUFBQQ=="]}},
        {"a": {"S": '{'}, "B": {"S": '"}'}},
    ],
)  # fmt: skip
def test_the_text_of_an_image_has_binary_once_wherever_its_type_occurs(image: Any) -> None:
    text = json.dumps(image, separators=(",", ":"))
    once = text.replace("QUFBQQ==", "AAAA").replace("QkJCQg==", "BBBB")
    in_a_string = text.count('\\"QUFBQQ==\\"')
    expected = once.replace('\\"AAAA\\"', '\\"QUFBQQ==\\"', in_a_string)

    assert image_text(Raw(text.encode()), binary_twice) == expected
