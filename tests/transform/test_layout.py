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
        layout.archive_key(CSV_SETTINGS, "2026-11-20", "id")
        == "archive/DeviceData/dt=2026-11-20/replay-id.csv.gz"
    )


def test_what_the_commands_record_is_under_the_tables_own_folder() -> None:
    assert layout.claim_key("T", "errors/T/x", "id") == "replay/table=T/claims/errors/T/x.id.json"
    assert layout.manifest_key("T", "errors/T/x", "id") == "replay/table=T/manifests/errors/T/x.id.json"
    assert layout.retired_folder("T") == "replay/table=T/retired/"
    assert layout.maps_folder("T") == "replay/table=T/maps/"


def test_tables_whose_names_are_those_of_folders_share_no_key() -> None:
    tables = ("claims", "manifests", "retired", "maps", "T", "T2")
    folders = [layout.records_folder(table) for table in tables]

    assert not any(a != b and a.startswith(b) for a in folders for b in folders)


@pytest.mark.parametrize("key", ["errors/T/" + "x" * 1015, "errors/T/" + "é" * 507])
def test_the_claim_of_the_longest_key_has_a_key_that_s3_takes(key: str) -> None:
    claim = layout.claim_key("T" * 255, key, "1" * 20)

    assert len(claim.encode()) <= 1024
    assert claim.endswith("1.json")


def test_rows_sources_and_records_of_the_commands_are_never_taken_for_error_objects() -> None:
    names = (layout.claim_key("T", "k", "i"), "replay/table=T/maps/x", "archive/T/dt=1/x", "source/T/dt=1/x")
    names += ("exports/T/dt=1/x", "reports/T/failed/2026-11-30.json", "audit/table=T/dt=1/1.json")

    assert all(layout.holds_no_errors(name) for name in names)
    assert not layout.holds_no_errors("errors/x")
