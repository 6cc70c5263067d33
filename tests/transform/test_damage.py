"""However a change record is written, the plain path's answer comes; however damaged, never Dropped."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import changes, damaged, disfigured, images, seeds, twice, written
from tests.transform import reference
from tests.transform.builders import change, encoded, event, outcome, read_row, run, settings

SELECTIONS = ["ttl-removals", "removals", "all", "all-but-ttl-removals"]
VARIANTS = 20


def shipped(*data: bytes, changes: str, infer: bool = False) -> list[tuple[Any, ...]]:
    """What became of each record, in the words of the reference."""
    config = settings(changes=changes, infer_replica_ttl=infer)
    found: list[tuple[Any, ...]] = []
    for each in data:
        result = run(event(each), config)
        assert "UnexpectedError" not in result.codes, result.log
        if result.lines:
            row = read_row(result.lines[0])
            row["ddb_image"] = json.loads(row["ddb_image"])
            found.append(("row", row))
        elif result.codes:
            found.append(reference.Malformed)
        else:
            metric = {"DroppedNotRemoval": "not-a-removal", "DroppedUserRemoval": "user-removal"}
            rules = [rule for name, rule in metric.items() if result.log[name]]
            found.append(("drop", *(rules or ["ttl-removal"])))
    return found


@given(st.one_of(changes(), changes(feed="streams")), st.sampled_from(SELECTIONS), st.booleans(), seeds)
def test_any_writing_of_a_record_gives_the_row_or_the_drop_of_the_plain_path(
    record: dict[str, Any], selection: str, infer: bool, random: Random
) -> None:
    data = written(record, random).encode()
    expected = reference.outcome(data, selection, infer)

    assert expected != reference.Malformed
    assert [expected] == shipped(data, changes=selection, infer=infer)


@given(st.one_of(changes(), changes(feed="streams")), st.sampled_from(SELECTIONS), st.booleans(), seeds)
def test_what_the_plain_path_calls_malformed_is_never_dropped(
    record: dict[str, Any], selection: str, infer: bool, random: Random
) -> None:
    for _ in range(VARIANTS):
        data = damaged(written(record, random).encode(), random)
        expected = reference.outcome(data, selection, infer)

        (found,) = shipped(data, changes=selection, infer=infer)

        assert found in (expected, reference.Malformed), data
        assert found == reference.Malformed or expected != reference.Malformed


@given(st.one_of(changes(), changes(feed="streams")), st.sampled_from(SELECTIONS), st.booleans(), seeds)
def test_a_field_that_is_gone_or_of_another_type_never_makes_a_drop_of_a_malformed_record(
    record: dict[str, Any], selection: str, infer: bool, random: Random
) -> None:
    for _ in range(VARIANTS):
        data = written(disfigured(record, random), random).encode()
        expected = reference.outcome(data, selection, infer)

        assert [expected] == shipped(data, changes=selection, infer=infer), data


@given(images, seeds)
def test_the_text_of_a_ttl_removal_inside_an_item_selects_nothing(
    image: dict[str, Any], random: Random
) -> None:
    inner = written(change(twice(image)), random)
    user = change({"S": {"S": inner}, inner[:200]: {"M": {"eventName": {"S": "REMOVE"}}}}, kind="user")
    insert = change({"dynamodb": {"M": {"OldImage": {"S": inner}}}}, kind="insert")

    assert outcome(written(user, random).encode()) == "user-removal"
    assert outcome(written(insert, random).encode()) == "not-a-removal"


@given(images, seeds)
def test_the_text_of_other_changes_inside_an_item_hides_no_ttl_removal(
    image: dict[str, Any], random: Random
) -> None:
    inner = written(change(twice(image), kind="insert"), random)
    record = change({"eventName": {"S": "INSERT"}, "userIdentity": {"NULL": True}, "x": {"S": inner}})

    assert outcome(written(record, random).encode()) == "row"


@pytest.mark.parametrize("kind", ["ttl", "user", "insert", "modify"])
def test_every_shorter_form_of_a_record_fails(kind: str) -> None:
    data = encoded(change({"text": {"S": '下 \\ "'}, "n": {"N": "1"}}, kind=kind))

    result = run(event(*(data[:length] for length in range(len(data)))))

    assert ["ProcessingFailed"] * len(data) == result.results
