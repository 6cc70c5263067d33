"""What the filter of an event source mapping passes over is what the transform would drop."""

import json
from typing import Any

import pytest
from hypothesis import given

from tests import strategies
from tests.transform.builders import DYNAMODB, encoded, settings
from ttl_archive.infra.local.event_source.record_filter import RecordFilter
from ttl_archive.infra.stream_filter import filter_criteria, stream_patterns
from ttl_archive.transform.convert import Drop, converter
from ttl_archive.transform.settings import Select

MODES = ["ttl-removals", "removals", "all", "all-but-ttl-removals"]


def passes(select: Select, record: dict[str, Any]) -> bool:
    return RecordFilter(filter_criteria(select)).passes(record)


def in_lower_case(record: dict[str, Any]) -> bool:
    """Whether the identity is written as Lambda has it; only GetRecords of an SDK has capitals."""
    return "Type" not in (record["userIdentity"] or {})


@pytest.mark.parametrize("infer", [False, True])
@pytest.mark.parametrize("changes", MODES)
@given(record=strategies.changes("streams").filter(in_lower_case))
def test_filter_then_transform_equals_transform_alone(
    record: dict[str, Any], changes: str, infer: bool
) -> None:
    config = settings(changes=changes, infer_replica_ttl=infer)

    if not passes(config.select, record):
        assert isinstance(converter(config)(encoded(record)), Drop)


ORDINARY = {"eventName": "REMOVE"}
TTL = {"eventName": "REMOVE", "userIdentity": DYNAMODB}
OTHER_SERVICE = {
    "eventName": "REMOVE",
    "userIdentity": DYNAMODB | {"principalId": "replication.dynamodb.amazonaws.com"},
}
UPDATE = {"eventName": "MODIFY"}


@pytest.mark.parametrize(
    ("changes", "infer", "passed"),
    [
        ("ttl-removals", False, [TTL]),
        ("ttl-removals", True, [ORDINARY, TTL, OTHER_SERVICE]),
        ("removals", False, [ORDINARY, TTL, OTHER_SERVICE]),
        ("removals", True, [ORDINARY, TTL, OTHER_SERVICE]),
        ("all-but-ttl-removals", False, [ORDINARY, OTHER_SERVICE, UPDATE]),
        ("all-but-ttl-removals", True, [ORDINARY, OTHER_SERVICE, UPDATE]),
        ("all", False, [ORDINARY, TTL, OTHER_SERVICE, UPDATE]),
        ("all", True, [ORDINARY, TTL, OTHER_SERVICE, UPDATE]),
    ],
)
def test_only_what_the_mode_can_keep_reaches_the_function(
    changes: str, infer: bool, passed: list[Any]
) -> None:
    select = settings(changes=changes, infer_replica_ttl=infer).select

    assert [each for each in (ORDINARY, TTL, OTHER_SERVICE, UPDATE) if passes(select, each)] == passed


@pytest.mark.parametrize("identity", [None, {}, {"type": None, "principalId": None}])
def test_a_removal_without_a_whole_identity_passes_when_only_ttl_removals_are_unwanted(identity: Any) -> None:
    select = settings(changes="all-but-ttl-removals").select

    assert passes(select, {"eventName": "REMOVE", "userIdentity": identity})


@pytest.mark.parametrize("infer", [False, True])
@pytest.mark.parametrize("changes", MODES)
def test_the_filter_criteria_are_within_lambdas_limits(changes: str, infer: bool) -> None:
    """Five filters without a raised quota, each of at most 4,096 characters of JSON text."""
    select = settings(changes=changes, infer_replica_ttl=infer).select
    filters = filter_criteria(select).get("Filters", [])

    assert tuple(json.loads(each["Pattern"]) for each in filters) == stream_patterns(select)
    assert len(filters) <= 5
    assert all(len(each["Pattern"]) <= 4096 for each in filters)


def test_without_a_filter_the_criteria_are_empty() -> None:
    assert filter_criteria(settings(changes="all").select) == {}
