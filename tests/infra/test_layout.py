"""The prefixes: what Firehose, Athena, lifecycle and replay agree on."""

from datetime import UTC, datetime

import pytest

from tests.infra.stacks import CASES, settings_of
from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.transform import layout
from ttl_archive.transform import layout as replay_layout


@pytest.mark.parametrize("case", list(CASES))
def test_replay_writes_rows_into_the_folder_that_firehose_does(case: str) -> None:
    settings = settings_of(case)
    key = replay_layout.archive_key(settings, "2026-11-21", "0123456789abcdef0123")

    assert key.startswith(f"{layout.archive_folder(settings)}{settings.output.date_column}=2026-11-21/")


def test_by_arrival_the_folder_is_the_day_and_nothing_else() -> None:
    assert layout.prefix(settings_of("defaults")) == "archive/defaults/dt=!{timestamp:yyyy-MM-dd}/"


def test_by_event_the_folder_is_the_partition_key_and_a_timestamp_begins_the_name() -> None:
    expected = "archive/csv-by-event/day=!{partitionKeyFromLambda:day}/!{timestamp:yyyyMMddHH}-"

    assert layout.prefix(settings_of("csv-by-event")) == expected


def test_the_year_of_a_folder_is_the_calendar_year() -> None:
    for case in CASES:
        for prefix in (
            layout.prefix(settings_of(case)),
            layout.error_output_prefix(settings_of(case)),
            layout.source_prefix(settings_of(case)),
        ):
            assert "YY" not in prefix
            assert "DD" not in prefix


def test_an_error_object_is_found_with_its_type_by_replay() -> None:
    settings = settings_of("defaults")
    prefix = prefixes.parse_prefix(layout.error_output_prefix(settings), "ErrorOutputPrefix")
    at = datetime(2026, 12, 30, 23, 59, tzinfo=UTC)
    evaluated = prefixes.evaluate_prefix(
        prefix, prefixes.Surroundings(at, error_output_type="processing-failed")
    )

    assert evaluated == "errors/defaults/processing-failed/dt=2026-12-30/"
    assert replay_layout.error_output_type(evaluated) == "processing-failed"
