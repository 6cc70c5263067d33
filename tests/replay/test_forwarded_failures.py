"""What the forwarder of the Streams road could not deliver is listed, judged and delivered like the rest."""

from tests.replay.bucket import Bucket
from tests.replay.samples import SETTINGS, replay_all, rows, states
from tests.transform.fakes_forwarder import STREAM_ARN, Road, oversized, poison, removal
from ttl_archive.replay.claim_document import State

ARN = STREAM_ARN.replace("table/devices", "table/DeviceData")


def test_a_row_that_is_too_large_for_firehose_is_delivered_by_a_replay() -> None:
    bucket = Bucket()
    road = Road(SETTINGS, bucket)
    road.invoke([removal(0, eventSourceARN=ARN), oversized(1) | {"eventSourceARN": ARN}])

    summary = replay_all(bucket)

    assert (summary.exit_code, rows(bucket), states(bucket)) == (0, ["event-1"], [State.DONE])
    assert road.delivered() == {"event-0": 1}


def test_a_record_that_the_transform_refuses_stays_refused() -> None:
    bucket = Bucket()
    Road(SETTINGS, bucket).invoke([poison(0) | {"eventSourceARN": ARN}])

    summary = replay_all(bucket)

    assert (summary.tally.refused, rows(bucket)) == ({"BadNumber": 1}, [])
    assert states(bucket) == [State.REFUSED]
