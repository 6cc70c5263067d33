"""Batches that Lambda gave up, in the on-failure destination: every record of them is read, or named."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from tests.replay.bucket import Bucket
from tests.replay.discarded import KEY, discarded_batch, stream_removal
from tests.replay.samples import SETTINGS, TABLE, error_line, replay_all, rows, states
from tests.strategies import damaged, seeds
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable, read_lines
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.verdict import judge
from ttl_archive.transform.convert import Row
from ttl_archive.transform.source_bytes import source_bytes

RECORDS = [stream_removal(0), stream_removal(1, {"b": {"B": "AP8="}, "t": {"S": 'é"\\'}})]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_every_record_of_a_batch_is_read_whichever_form_its_payload_has(as_text: bool, packed: bool) -> None:
    document = discarded_batch(RECORDS, as_text=as_text)

    found = list(read_lines([gzip.compress(document) if packed else document]))

    assert [each.data() for each in found if isinstance(each, FailedRecord)] == [
        source_bytes(record) for record in RECORDS
    ]
    assert [each.number for each in found] == [1, 2]


def test_a_record_says_why_lambda_gave_its_batch_up() -> None:
    (found,) = read_lines([discarded_batch(RECORDS[:1])])

    assert isinstance(found, FailedRecord)
    assert (found.code, found.attempts) == ("RetryAttemptsExhausted", 4)
    assert found.message == "the function failed: Unhandled"


def test_a_batch_that_became_too_old_has_no_response_context() -> None:
    request = {"condition": "RecordAgeExceeded", "approximateInvokeCount": 2}
    (found,) = read_lines([discarded_batch(RECORDS[:1], requestContext=request, responseContext=...)])

    assert isinstance(found, FailedRecord)
    assert (found.code, found.message) == ("RecordAgeExceeded", "")


def test_the_verdict_is_that_on_the_record_in_the_functions_event() -> None:
    verdicts = [judge(SETTINGS)(each) for each in read_lines([discarded_batch(RECORDS)])]

    assert [json.loads(each.line)["ddb_event_id"] for each in verdicts if isinstance(each, Row)] == [
        "event-0",
        "event-1",
    ]


@pytest.mark.parametrize("payload", [..., None, "", "{", "[]", [], 1, {}, {"Records": None}, {"Records": []}])
def test_a_document_without_records_is_named_and_kept(payload: Any) -> None:
    document = discarded_batch(RECORDS, payload=payload)

    (found,) = read_lines([document])

    assert found == Unreadable(1, document, "NoPayload")


def test_an_error_line_of_firehose_is_read_as_before_beside_a_batch() -> None:
    found = list(read_lines([error_line(b"1") + b"\n" + discarded_batch(RECORDS) + b"\n" + error_line(b"2")]))

    assert [each.number for each in found] == [1, 2, 3, 4]
    assert isinstance(found[-1], FailedRecord)
    assert found[-1].data() == b"2"


@given(seeds)
def test_no_damage_raises(random: Any) -> None:
    for found in read_lines([damaged(discarded_batch(RECORDS, as_text=random.random() < 0.5), random)]):
        judge(SETTINGS)(found)


def test_the_objects_name_says_its_type_and_time() -> None:
    found = ErrorObject("b", KEY, "e", 1, datetime(2026, 12, 1, tzinfo=UTC))

    assert (found.type, found.time) == ("on-failure", datetime(2026, 11, 20, 10, 15, tzinfo=UTC))


def test_a_replay_delivers_every_record_of_a_batch() -> None:
    bucket = Bucket()
    bucket.fill(KEY, discarded_batch([*RECORDS, stream_removal(2, {"n": {"N": "one"}})]))

    summary = replay_all(bucket, prefix="aws/lambda/")

    assert summary.tally.refused == {"BadNumber": 1}
    assert (rows(bucket), states(bucket)) == (["event-0", "event-1"], [State.REFUSED])
    assert bucket.keys(f"replay/table={TABLE}/claims/aws/lambda/")
