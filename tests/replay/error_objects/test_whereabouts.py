"""What is there, when nothing was found where a command looked."""

from datetime import UTC, datetime

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import KEY, PREFIX, change, claims_of, error_object, replay_all
from ttl_archive.replay import retirement
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.error_objects.survey import Filter
from ttl_archive.replay.error_objects.whereabouts import nothing_found


def bucket_of(*keys: str) -> Bucket:
    bucket = Bucket()
    for key in keys:
        bucket.fill(key, error_object([change(1)]))
    return bucket


def text(bucket: Bucket, prefix: str, only: Filter | None = None) -> str:
    return str(nothing_found(claims_of(bucket), prefix, only or Filter()))


def test_an_empty_bucket_is_said_to_be_empty() -> None:
    found = text(Bucket(), PREFIX)

    assert "s3://bucket/errors/DeviceData/: no error object is there" in found
    assert "s3://bucket/errors/ has no folder" in found
    assert "s3://bucket/archive/ has no folder" in found


def test_an_empty_bucket_of_discarded_batches_is_said_to_have_none() -> None:
    found = str(nothing_found(claims_of(Bucket()), "aws/lambda/", Filter(), "failures"))

    assert found == (
        "s3://failures/aws/lambda/: no batch that Lambda discarded is there\n"
        "s3://failures/ has no folder (--on-failure)"
    )


def test_the_tables_that_are_there_are_named_and_the_nearest_is_offered() -> None:
    bucket = bucket_of("errors/DeviceDate/processing-failed/x", "errors/Orders/y", "archive/Orders/dt=1/z")

    found = text(bucket, PREFIX)

    assert "s3://bucket/errors/ has errors/DeviceDate/, errors/Orders/" in found
    assert "s3://bucket/archive/ has archive/Orders/" in found
    assert "The nearest name is errors/DeviceDate/: --prefix errors/DeviceDate/" in found


def test_other_folders_are_named_where_errors_has_none() -> None:
    assert "s3://bucket/ has the folders failures/" in text(bucket_of("failures/processing-failed/x"), PREFIX)


def test_many_folders_are_named_in_part() -> None:
    found = text(bucket_of(*(f"errors/T{number:02}/x" for number in range(15))), "errors/T99/")

    assert "errors/T09/ and 5 more" in found


@pytest.mark.parametrize(
    ("only", "option"),
    [
        (Filter(since=datetime(2027, 1, 1, tzinfo=UTC)), "--since selects none"),
        (Filter(types=("splunk-failed",), codes=("X",)), "--type and --code select none"),
        (Filter(key_prefix="x"), "--key-prefix selects none"),
    ],
)
def test_a_filter_that_selects_nothing_is_named_with_the_dates_and_types_that_are_there(
    only: Filter, option: str
) -> None:
    found = text(bucket_of(KEY, KEY.replace("2026-11-20-10", "2026-11-22-10")), PREFIX, only)

    assert option in found
    assert "of the 2 error objects there, which are of 2026-11-20 to 2026-11-22" in found
    assert "of the types processing-failed" in found


def test_that_all_were_retired_is_said() -> None:
    bucket = bucket_of(KEY)
    replay_all(bucket)
    claims = claims_of(bucket)
    for found, planned in retirement.candidates(claims, survey.survey(claims, PREFIX, Filter(), "0" * 12)):
        retirement.retire(claims, found.object, planned.to)

    assert "no error object is there, all of them were retired" in text(bucket, PREFIX)
