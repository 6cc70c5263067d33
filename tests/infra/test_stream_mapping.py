"""The settings of the event source mapping, against Lambda's service model."""

import botocore.session
import pytest

from tests.transform.builders import settings
from ttl_archive.infra.local.event_source.mapping_configuration import mapping_config
from ttl_archive.infra.stream_mapping import mapping_settings

BUCKET = "arn:aws:s3:::failures"
REQUIRED = {
    "EventSourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/devices/stream/2026-01-01T00:00:00.000",
    "FunctionName": "forwarder",
}


@pytest.mark.parametrize("changes", ["ttl-removals", "removals", "all-but-ttl-removals", "all"])
def test_every_selection_is_accepted_as_lambda_accepts_it(changes: str) -> None:
    found = mapping_settings(settings(changes=changes), BUCKET)

    config = mapping_config({**REQUIRED, **found})
    assert config.reports_failures
    assert config.bisects
    assert config.failure_bucket == "failures"


def test_failures_are_reported_under_the_name_of_the_service_model() -> None:
    model = botocore.session.get_session().get_service_model("lambda")
    names = model.shape_for("FunctionResponseType").enum

    assert mapping_settings(settings(), BUCKET)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "ReportBatchItemFailures" in names


def test_lambda_discards_a_record_before_the_stream_trims_it() -> None:
    """A stream trims a record after 86,400 seconds. What waited behind one needs time as well."""
    found = mapping_settings(settings(), BUCKET)

    assert 60 <= found["MaximumRecordAgeInSeconds"] <= 43_200
    assert found["MaximumRetryAttempts"] >= 1
    assert found["StartingPosition"] == "TRIM_HORIZON"
