"""Each selection mode, each shape of userIdentity, and the inference for replicas."""

from typing import Any

import pytest

from tests.transform.builders import EVENT_US, change, encoded, event, outcome, row, run, settings

NOW_S = EVENT_US // 1_000_000  # the event is 123,456 µs later
FIVE_YEARS_S = 5 * 365 * 86_400
TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


@pytest.mark.parametrize(
    ("mode", "ttl", "user", "insert", "modify"),
    [
        ("ttl-removals", "row", "user-removal", "not-a-removal", "not-a-removal"),
        ("removals", "row", "row", "not-a-removal", "not-a-removal"),
        ("all", "row", "row", "row", "row"),
        ("all-but-ttl-removals", "ttl-removal", "row", "row", "row"),
    ],
)
def test_each_mode_keeps_its_changes_and_counts_the_others_by_rule(
    mode: str, ttl: str, user: str, insert: str, modify: str
) -> None:
    found = {kind: outcome(encoded(change(kind=kind)), settings(changes=mode)) for kind in _KINDS}

    assert {"ttl": ttl, "user": user, "insert": insert, "modify": modify} == found


_KINDS = ("ttl", "user", "insert", "modify")


@pytest.mark.parametrize(
    "identity",
    [
        TTL,
        {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
        {"principalId": "dynamodb.amazonaws.com", "type": "Service"},
        TTL | {"novelty": {"x": [1]}},
    ],
)
def test_a_removal_by_dynamodb_is_a_ttl_removal_in_either_casing(identity: dict[str, Any]) -> None:
    assert outcome(encoded(change(userIdentity=identity))) == "row"


@pytest.mark.parametrize(
    "identity",
    [
        None,
        {},
        {"type": "Service"},
        {"principalId": "dynamodb.amazonaws.com"},
        {"type": "service", "principalId": "dynamodb.amazonaws.com"},
        {"type": "Service", "principalId": "DynamoDB.amazonaws.com"},
        {"type": "Service", "principalId": "dynamodb.amazonaws.com "},
        {"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"},
        {"type": "User", "principalId": "dynamodb.amazonaws.com"},
        {"TYPE": "Service", "PRINCIPALID": "dynamodb.amazonaws.com"},
        {"type": None, "principalId": None},
    ],
)
def test_any_other_identity_is_a_user_removal(identity: Any) -> None:
    assert outcome(encoded(change(userIdentity=identity))) == "user-removal"


def test_a_removal_without_user_identity_is_a_user_removal() -> None:
    record = change()
    del record["userIdentity"]

    assert outcome(encoded(record)) == "user-removal"


def test_an_insert_by_the_service_is_not_a_removal() -> None:
    assert outcome(encoded(change(kind="insert", userIdentity=TTL))) == "not-a-removal"


@pytest.mark.parametrize(
    ("kind", "expected"), [("ttl", "ttl"), ("user", "user"), ("insert", None), ("modify", None)]
)
def test_the_row_says_who_removed_the_item(kind: str, expected: str | None) -> None:
    assert expected == row({"id": {"S": "a"}}, settings(changes="all"), kind=kind)["ddb_removed_by"]


REPLICA = {"infer_replica_ttl": True}


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (str(NOW_S), "row"),
        (f"{NOW_S}.123456", "row"),
        (f"{NOW_S}.123457", "user-removal"),
        (str(NOW_S + 1), "user-removal"),
        (f"{NOW_S / 10**9:.9f}E+9", "row"),
        (str(NOW_S - FIVE_YEARS_S + 1), "row"),
        (f"{NOW_S - FIVE_YEARS_S}.123456", "row"),
        (f"{NOW_S - FIVE_YEARS_S}.123455", "user-removal"),
        ("0", "user-removal"),
        ("-1", "user-removal"),
        (str(NOW_S * 1000), "user-removal"),  # milliseconds never expire
        ("1E+125", "user-removal"),
    ],
)
def test_a_replica_infers_ttl_from_a_time_that_passed_within_five_years(expires: str, expected: str) -> None:
    record = change({"ttl": {"N": expires}}, kind="user")

    assert expected == outcome(encoded(record), settings(**REPLICA))


def test_an_inferred_removal_says_so_in_the_row() -> None:
    assert (
        row({"ttl": {"N": str(NOW_S)}}, settings(**REPLICA), kind="user")["ddb_removed_by"] == "ttl-inferred"
    )


def test_a_removal_by_the_service_itself_is_never_inferred() -> None:
    assert row({"ttl": {"N": str(NOW_S + 99)}}, settings(**REPLICA))["ddb_removed_by"] == "ttl"


def test_without_inference_a_passed_time_changes_nothing() -> None:
    assert outcome(encoded(change({"ttl": {"N": str(NOW_S)}}, kind="user"))) == "user-removal"


def test_an_inferred_removal_is_a_ttl_removal_where_those_are_dropped() -> None:
    config = settings(changes="all-but-ttl-removals", **REPLICA)

    assert outcome(encoded(change({"ttl": {"N": str(NOW_S)}}, kind="user")), config) == "ttl-removal"


@pytest.mark.parametrize(
    "value", [{"S": str(NOW_S)}, {"NULL": True}, {"NS": [str(NOW_S)]}, {"L": [{"N": "1"}]}, None]
)
def test_a_value_that_is_not_a_number_is_not_a_ttl(value: Any) -> None:
    image = {"id": {"S": "a"}} | ({"ttl": value} if value else {})

    assert outcome(encoded(change(image, kind="user")), settings(**REPLICA)) == "user-removal"


@pytest.mark.parametrize("kind", ["insert", "modify"])
def test_only_removals_are_inferred(kind: str) -> None:
    record = change({"ttl": {"N": str(NOW_S)}}, kind=kind)

    assert outcome(encoded(record), settings(**REPLICA)) == "not-a-removal"


@pytest.mark.parametrize(
    "text", ["", "NaN", "sNaN", "Infinity", "1_0", " 1", "1\n", "１７", "abc", "01", 5, None, []]
)
def test_a_damaged_ttl_fails_when_it_decides(text: Any) -> None:
    record = change({"ttl": {"N": text}}, kind="user")

    assert outcome(encoded(record), settings(**REPLICA)) == "BadNumber"


@pytest.mark.parametrize("value", [{}, {"N": "1", "S": "x"}, 5, "1", []])
def test_a_ttl_that_is_not_an_attribute_value_fails_when_it_decides(value: Any) -> None:
    record = change({"ttl": value}, kind="user")

    assert outcome(encoded(record), settings(**REPLICA)) == "BadAttributeValue"


def test_the_log_counts_each_rule() -> None:
    kinds = ["ttl", "user", "user", "insert", "modify", "modify"]

    log = run(event(*(encoded(change(kind=kind)) for kind in kinds))).log

    assert tuple(
        log[name]
        for name in (
            "RecordsDelivered",
            "RecordsDropped",
            "DroppedUserRemoval",
            "DroppedNotRemoval",
            "DroppedTtlRemoval",
        )
    ) == (1, 5, 2, 3, 0)
