import json
from typing import Any

import pytest

from ttl_archive.infra.local.event_source.record_filter import RecordFilter
from ttl_archive.infra.local.firehose.service_error import ServiceError


def criteria(*patterns: Any) -> dict[str, Any]:
    return {"Filters": [{"Pattern": p if isinstance(p, str) else json.dumps(p)} for p in patterns]}


def test_a_record_passes_when_one_of_the_filters_matches() -> None:
    found = RecordFilter(criteria({"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}))

    assert [name for name in ("INSERT", "MODIFY", "REMOVE") if found.passes({"eventName": name})] == [
        "INSERT",
        "REMOVE",
    ]


@pytest.mark.parametrize("none", [None, {}, {"Filters": []}])
def test_without_filters_every_record_passes(none: Any) -> None:
    assert RecordFilter(none).passes({})


@pytest.mark.parametrize(
    "text", ["single-string", '[{"eventName": ["INSERT"=123}]', '{"f": [{"wildcard": "a"}]}']
)
def test_an_invalid_pattern_is_refused_with_awss_message(text: str) -> None:
    with pytest.raises(ServiceError) as refused:
        RecordFilter(criteria(text))

    assert refused.value.code == "InvalidParameterValueException"
    assert refused.value.message == "Invalid filter pattern definition."
    assert str(refused.value.__cause__)


def test_five_filters_are_accepted_and_ten_after_an_increase_of_the_quota() -> None:
    six = criteria(*[{"f": [number]} for number in range(6)])

    RecordFilter(six, max_filters=10)
    RecordFilter({"Filters": six["Filters"][:5]})
    with pytest.raises(ServiceError, match="6 filters are more than the quota of 5"):
        RecordFilter(six)


def test_a_pattern_has_at_most_4096_characters() -> None:
    longest = json.dumps({"f": ["x" * (4096 - len('{"f": [""]}'))]})

    RecordFilter(criteria(longest))
    with pytest.raises(ServiceError, match="less than or equal to 4096"):
        RecordFilter(criteria(longest + " "))
