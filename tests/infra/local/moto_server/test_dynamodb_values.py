"""The faster methods of attribute values do what moto's own do."""

import copy
from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import DynamoType

from ttl_archive.infra.local.moto_server.dynamodb_values import quick_methods

VALUES: list[dict[str, Any]] = [
    {"S": ""},
    {"S": "下野 😀"},
    {"N": "0"},
    {"N": "-12345678901234567890.5E-3"},
    {"B": "AAE="},
    {"BOOL": True},
    {"NULL": True},
    {"SS": ["b", "a"]},
    {"NS": ["1", "2.50"]},
    {"BS": ["AA=="]},
    {"L": [{"S": "x"}, {"N": "1"}, {"M": {}}]},
    {"M": {"a": {"S": "x"}, "b": {"L": [{"N": "2"}]}}},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: next(iter(value)))
def test_a_value_is_cast_copied_and_measured_as_by_moto(value: dict[str, Any]) -> None:
    quick, original = quick_methods(), DynamoType(value)

    copied = quick["__deepcopy__"](original, {})

    assert copied is not original
    assert (copied.type, copied.value) == (original.type, original.value)
    assert repr(copied) == repr(copy.deepcopy(original))
    assert quick["cast_value"].fget(original) == original.cast_value
    assert type(quick["cast_value"].fget(original)) is type(original.cast_value)
    assert quick["size"](original) == original.size()


def test_moto_uses_them_once_they_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, method in quick_methods().items():
        monkeypatch.setattr(DynamoType, name, method)

    assert sorted([DynamoType({"N": "10"}), DynamoType({"N": "9"})])[0].value == "9"
    assert copy.deepcopy(DynamoType(VALUES[-1])) == DynamoType(VALUES[-1])
