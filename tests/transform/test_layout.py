"""Names in the bucket: what a key tells, and which keys follow from it."""

from datetime import UTC, datetime

import pytest

from tests.replay.samples import CSV_SETTINGS, SETTINGS
from ttl_archive.transform import layout

MODIFIED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("errors/T/processing-failed/dt=2026-11-20/x", "processing-failed"),
        ("processing-failed/2019/11/29/09/x", "processing-failed"),
        ("kinesis-processing-errors-metadata-extraction-failed/2024/01/02/x", "metadata-extraction-failed"),
        ("e/AmazonOpenSearchService-failed/x", "AmazonOpenSearchService-failed"),
        ("e/activePartitionExceeded/x", "activePartitionExceeded"),
        ("e/other/x", "unknown"),
        ("replay/quarantine/errors/T/processing-failed/x.ab.cd", "quarantine"),
    ],
)
def test_the_error_output_type_is_in_the_key(key: str, kind: str) -> None:
    assert layout.error_output_type(key) == kind


@pytest.mark.parametrize(
    ("key", "time"),
    [
        (
            "e/orders-3-2026-09-10-14-02-11-0a1b2c3d-1111-2222-3333-444455556666",
            datetime(2026, 9, 10, 14, 2, 11, tzinfo=UTC),
        ),
        ("e/orders-3-2026-09-10-14-02-11-0a1b2c3d-1111.gz", datetime(2026, 9, 10, 14, 2, 11, tzinfo=UTC)),
        ("e/orders-3-2026-13-40-14-02-11-0a1b2c3d-1111", MODIFIED),
        ("e/orders", MODIFIED),
    ],
)
def test_an_objects_own_time_is_in_its_name_or_when_it_was_written(key: str, time: datetime) -> None:
    assert layout.own_time(key, MODIFIED) == time
    quarantined = layout.quarantine_key(key, "a" * 20, "b" * 12)
    assert layout.own_time(quarantined, MODIFIED) == time


def test_the_identity_follows_from_bucket_key_and_content() -> None:
    one = layout.identity("b", "k", "e")

    assert one == layout.identity("b", "k", "e")
    assert (
        len(
            {
                one,
                layout.identity("c", "k", "e"),
                layout.identity("b", "l", "e"),
                layout.identity("b", "k", "f"),
            }
        )
        == 4
    )


def test_rows_go_under_table_and_date_with_the_formats_name() -> None:
    assert (
        layout.archive_key(SETTINGS, "2026-11-20", "id")
        == "archive/DeviceData/dt=2026-11-20/replay-id.jsonl.gz"
    )
    assert (
        layout.archive_key(CSV_SETTINGS, "2026-11-20", "id", "a/")
        == "a/DeviceData/dt=2026-11-20/replay-id.csv.gz"
    )


def test_what_is_quarantined_again_stays_beside_the_first() -> None:
    first = layout.quarantine_key("errors/x", "1" * 20, "a" * 12)
    second = layout.quarantine_key(first, "2" * 20, "b" * 12)

    assert first == f"replay/quarantine/errors/x.{'1' * 20}.{'a' * 12}"
    assert second == f"replay/quarantine/errors/x.{'2' * 20}.{'b' * 12}"
    assert layout.refused_by(second) == "b" * 12
    assert layout.refused_by("errors/x") is None


def test_what_replay_writes_is_never_taken_for_an_error_object() -> None:
    names = (layout.claim_key("k", "i"), layout.manifest_key("k", "i"), "replay/maps/x", "replay/retired/x")

    assert all(layout.is_ours(name) for name in names)
    assert not layout.is_ours(layout.quarantine_key("k", "i", "t"))
    assert not layout.is_ours("errors/x")
