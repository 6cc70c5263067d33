"""Which folders and rows a selection takes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.restore.archives import archived, read, read_one, settings_with
from tests.replay.samples import BUCKET, EVENT_US, SETTINGS, change
from ttl_archive.replay.restore.archive_listing import find_archived
from ttl_archive.replay.restore.archived_rows import ArchivedRow
from ttl_archive.replay.restore.row_selection import Selection

DAY = datetime(2025, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("folder", "by_event", "expected"),
    [
        ("2025-11-18", False, False),
        ("2025-11-19", False, True),
        ("2025-11-20", False, True),
        ("2025-11-22", False, True),
        ("2025-11-23", False, False),
        ("2025-11-19", True, False),
        ("2025-11-21", True, True),
        ("2025-11-22", True, False),
    ],
)
def test_by_arrival_a_day_to_each_side_is_read_too(folder: str, by_event: bool, expected: bool) -> None:
    selection = Selection(since=DAY, until=DAY + timedelta(days=1))

    assert selection.is_folder_wanted(date.fromisoformat(folder), by_event=by_event) is expected


def test_the_first_and_the_last_of_all_dates_select_everything() -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

    assert Selection(since=first, until=last).is_folder_wanted(DAY.date(), by_event=False)


def test_only_objects_that_may_hold_wanted_rows_are_listed() -> None:
    bucket = Bucket(page_size=2)
    for folder in ("dt=2025-11-01", "dt=2025-11-20", "dt=2025-12-01", "dt=strange"):
        bucket.fill(f"archive/DeviceData/{folder}/x.jsonl.gz", b"x")

    listing = find_archived(
        bucket, BUCKET, "archive/DeviceData/", SETTINGS, Selection(since=DAY, until=DAY + timedelta(days=1))
    )

    assert [each.key.split("/")[2] for each in listing.objects] == ["dt=2025-11-20", "dt=strange"]
    assert (listing.total, listing.first_date, listing.last_date) == (4, "2025-11-01", "2025-12-01")


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(), True),
        (Selection(since=DAY, until=DAY + timedelta(days=1)), True),
        (Selection(since=DAY + timedelta(days=1)), False),
        (Selection(until=DAY), False),
        (Selection(keys=(("deviceID", "d1"),)), True),
        (Selection(keys=(("deviceID", "d2"),)), False),
        (Selection(keys=(("nothing", "d1"),)), False),
        (Selection(where="deviceID = 'd1' AND n < 2"), True),
        (Selection(where="n > 2"), False),
    ],
)
@pytest.mark.parametrize("image", [True, False])
def test_a_row_is_selected_by_time_key_and_filter(selection: Selection, wanted: bool, image: bool) -> None:
    settings = settings_with(image=image)
    row = read_one(archived(settings, change(1)), settings)

    assert selection.matcher(settings)(row, {}) is wanted


@pytest.mark.parametrize("output", [{"format": "csv"}, {"image": False}])
def test_a_key_is_found_in_rows_from_before_it_had_a_column(output: dict[str, Any]) -> None:
    then = settings_with(**output, columns=[{"name": "note"}])
    now = settings_with(**output, columns=[{"name": "note"}, {"name": "device", "path": "deviceID"}])
    rows = [
        *read(archived(then, change(1), change(2)), now),
        *read(archived(now, change(1), change(2)), now),
    ]
    wanted = Selection(keys=(("deviceID", "d1"),)).matcher(now)

    assert [wanted(row, {}) for row in rows if isinstance(row, ArchivedRow)] == [True, False] * 2


def test_the_samples_happened_on_the_day() -> None:
    assert datetime.fromtimestamp(EVENT_US / 1e6, UTC).date() == DAY.date()
