"""The saved queries: what each answers over rows that the transform wrote."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.infra.sql.sql_archive import DAY, FLAT, SHAPES, SqlArchive, settings
from tests.transform.builders import EVENT_US, change
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.saved_queries import saved_queries

COLUMNS: list[dict[str, Any]] = [
    {"name": "id"},
    {"name": "n", "type": "bigint"},
    {"name": "order", "type": "json"},
]
A = change({"id": {"S": "Sensor-7"}, "n": {"S": "n/a"}})
B = change({"id": {"S": "b"}, "n": {"N": "1"}}, dynamodb={"ApproximateCreationDateTime": EVENT_US + 1})
ERRORS = b"""\
{"attemptsMade":4,"arrivalTimestamp":1763706412000,"errorCode":"Lambda.FunctionTimedOut","errorMessage":"late",\
"attemptEndingTimestamp":1763706413123,"rawData":"eyJhIjoxfQ==","lambdaArn":"arn:1"}
{"attemptsMade":"1","arrivalTimestamp":"1763706412123","lastErrorCode":"Lambda.FunctionTimedOut",\
"lastErrorMessage":"late","rawData":"/w==","lambdaARN":"arn:2"}
not json
"""


def archive_of(folder: Path, shape: str) -> SqlArchive:
    """A with a copy, and B on the day after."""
    archive, chosen = SqlArchive(folder), settings(shape, COLUMNS, "id")
    archive.deliver(chosen, A, A)
    archive.deliver(chosen, B, day="2025-11-22")
    return archive


@pytest.mark.parametrize("shape", SHAPES)
def test_every_saved_query_runs_and_says_what_it_is_for(tmp_path: Path, shape: str) -> None:
    archive, chosen = archive_of(tmp_path, shape), settings(shape, COLUMNS, "id")
    for name, query in saved_queries(chosen, DuckDbDialect()).items():
        assert query.description.endswith((".", ")."))
        assert "$" not in query.sql.replace('"$path"', "").replace("{", "")
        archive.saved(chosen, name, *(["2025-11-21"] * query.parameter_count))


@pytest.mark.parametrize("shape", FLAT)
def test_misfits_are_counted_by_day_and_column(tmp_path: Path, shape: str) -> None:
    archive, chosen = archive_of(tmp_path, shape), settings(shape, COLUMNS, "id")

    assert archive.saved(chosen, "misfits", DAY, "2025-11-22") == [
        (DAY, 2, 0, 2, 0),
        ("2025-11-22", 1, 0, 0, 0),
    ]
    assert archive.saved(chosen, "misfits", "2025-11-22", "2025-11-22") == [("2025-11-22", 1, 0, 0, 0)]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_item_is_found_by_a_text_in_it(tmp_path: Path, shape: str) -> None:
    archive, chosen = archive_of(tmp_path, shape), settings(shape, COLUMNS, "id")

    assert len(archive.saved(chosen, "find_item", DAY, "2025-11-22", "%sensor-7%")) == 1
    assert len(archive.saved(chosen, "find_item", DAY, "2025-11-22", "%")) == 2
    assert archive.saved(chosen, "find_item", "2025-11-22", "2025-11-22", "%sensor-7%") == []


def test_rows_are_counted_by_object(tmp_path: Path) -> None:
    archive, chosen = archive_of(tmp_path, "jsonl"), settings("jsonl", COLUMNS)

    found = archive.saved(chosen, "rows_per_object", DAY, "2025-11-22")
    assert found == [(archive.files[0], 2), (archive.files[1], 1)]


def test_counts_of_the_last_thirty_days_leave_out_older_folders(tmp_path: Path) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("jsonl", COLUMNS)
    today = datetime.now(UTC).date()
    recent, old = (str(today - timedelta(days=days)) for days in (2, 40))
    archive.deliver(chosen, A, A, B, day=recent)
    archive.deliver(chosen, A, day=old)

    assert archive.saved(chosen, "duplicates_per_day") == [(recent, 3, 2, 1)]
    assert archive.saved(chosen, "changes_per_day") == [(recent, "REMOVE", "ttl", 2)]


def test_errors_have_types_whatever_form_their_line_has(tmp_path: Path) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("jsonl", COLUMNS)
    archive.write_errors(ERRORS)
    query = (
        "SELECT error_output_type, code, message, dt, attempts_made, arrival_time, last_attempt_time,"
        " lambda_arn FROM errors WHERE raw_data IS NOT NULL ORDER BY lambda_arn"
    )

    known = ("processing-failed", "Lambda.FunctionTimedOut", "late", DAY)
    assert archive.ask(chosen, query) == [
        (
            *known,
            4,
            datetime(2025, 11, 21, 6, 26, 52),
            datetime(2025, 11, 21, 6, 26, 53, 123000),
            "arn:1",
        ),
        (*known, 1, datetime(2025, 11, 21, 6, 26, 52, 123000), None, "arn:2"),
    ]
    assert archive.ask(chosen, "SELECT count(*) FROM errors") == [(3,)]  # the bad line is a row of NULLs


def test_failed_records_are_counted_and_shown(tmp_path: Path) -> None:
    archive, chosen = SqlArchive(tmp_path), settings("jsonl", COLUMNS)
    archive.write_errors(ERRORS)

    counted = archive.saved(chosen, "errors_by_code")
    assert [row[3] for row in counted if row[1]] == [2]
    found = archive.saved(chosen, "failed_records", "Lambda.FunctionTimedOut")
    assert {row[3] for row in found} == {base64.b64decode("eyJhIjoxfQ==").decode(), None}
