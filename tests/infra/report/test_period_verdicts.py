"""The section "Is anything missing?": each day's verdict, against counts that are known beforehand."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.infra.report.known_archive import BUCKET, KnownArchive
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import Storage
from ttl_archive.infra.report.period_verdicts import verify_period
from ttl_archive.replay.commands.progress import meter
from ttl_archive.replay.errors import ObjectError

OCTOBER = ("--on", "s3", "--month", "2026-10")
NEAR_GLACIER = ("2026-10-03", "2026-10-04", "2026-10-05")  # a row may arrive on the day before, or after


def verdicts_of(*arguments: str) -> Any:
    result = CliRunner().invoke(cli, ["report", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["verdicts"]


def section(out: Path, *arguments: str) -> str:
    """The section of a page as text."""
    result = CliRunner().invoke(cli, ["report", *arguments, "--out", str(out)])
    assert result.exit_code == 0, result.output
    html = (
        out.read_text(encoding="utf-8").partition('aria-labelledby="verdicts"')[2].partition("</section>")[0]
    )
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_each_day_has_its_verdict_with_the_counts_on_both_sides(
    archive: KnownArchive, environment: Path
) -> None:
    found = verdicts_of(*OCTOBER, "--verify")
    days = {day["day"]: day for day in found["days"]}
    verdicts = {day: each["verdict"] for day, each in days.items()}

    assert len(days) == 31
    assert {day: each["deleted"] for day, each in days.items() if each["deleted"]} == archive.deleted
    assert {day for day, verdict in verdicts.items() if verdict == "not countable"} == {*NEAR_GLACIER}
    assert {day for day, verdict in verdicts.items() if verdict == "open"} == {"2026-10-01", "2026-10-07"}
    assert [day for day, verdict in verdicts.items() if verdict == "closed"] == [
        day for day in days if day not in (*NEAR_GLACIER, "2026-10-01", "2026-10-07")
    ]
    # Two of them by TTL, one in the copy, two replayed; and one in the error object that is open.
    assert (days["2026-10-01"]["rows"], days["2026-10-01"]["difference"]) == (5, 1)
    assert "1 TTL removal without a row in error objects that are open" in days["2026-10-01"]["reasons"]
    assert (days["2026-10-07"]["rows"], days["2026-10-07"]["difference"]) == (1, 2)
    assert days["2026-10-04"]["difference"] is None
    assert (found["whole"]["verdict"], found["closes"]) == ("not countable", False)


def test_the_page_never_calls_a_day_that_is_not_countable_complete(environment: Path, tmp_path: Path) -> None:
    text = section(tmp_path / "page.html", *OCTOBER, "--verify")

    assert "5 days of 31 do not close." in text
    assert "Days: 26 closed , 2 open , 3 not countable ." in text
    assert "It is not known whether rows of a day that is not countable are missing." in text
    assert "2026-10-07 open 3 1 2 2 deleted items without a row 2 of them not explained" in text
    assert "2026-10-04 not countable 5 0 – 1 object that may have rows of the day: in GLACIER" in text
    assert "every day closes" not in text.lower()
    assert "deleted and overwritten objects. The bucket keeps no versions." in text


def test_without_the_option_the_section_has_the_command_and_no_verdict(
    environment: Path, tmp_path: Path
) -> None:
    text = section(tmp_path / "page.html", *OCTOBER)

    assert "not checked: whether each item that TTL deleted has its row." in text
    assert f"ttl-archive verify --bucket {BUCKET} --since 2026-10-01 --until 2026-11-01" in text
    assert "closed" not in text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--on", "s3", "--bucket", "nobody-has-this"), "no such bucket"),
        (("--on", "{copy}"), "a folder of files has no count of the items that TTL deleted"),
    ],
)
def test_what_cannot_be_checked_says_why(
    archive: KnownArchive, environment: Path, arguments: tuple[str, ...], reason: str
) -> None:
    place = [each.format(copy=archive.copy) for each in arguments]

    assert reason in verdicts_of(*place, "--month", "2026-10", "--verify")["not_counted"]


def test_counts_of_aws_are_not_compared_with_a_bucket_elsewhere(
    environment: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", emulator.environment()["AWS_ENDPOINT_URL"])
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH"):
        monkeypatch.delenv(name, raising=False)

    assert "CloudWatch has none beside it" in verdicts_of(*OCTOBER, "--verify")["not_counted"]


def test_a_cloudwatch_without_an_answer_is_a_reason(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    assert "CloudWatch" in verdicts_of(*OCTOBER, "--verify")["not_counted"]


def test_the_current_day_is_not_countable_and_later_days_are_not_shown(
    archive: KnownArchive, emulator: Emulator
) -> None:
    storage = Storage(archive.settings, archive.s3, BUCKET)
    clouds = [emulator.client("cloudwatch")]

    def verify(now: datetime) -> Any:
        dates = DateRange("2026-10-08", "2026-10-31")
        return verify_period(
            storage, clouds, dates, now, on_failure=None, meter=lambda size: meter("Verifying", size)
        )

    found = verify(datetime(2026, 10, 10, 12, tzinfo=UTC))

    assert [(day.day, day.verdict) for day in found.days] == [
        ("2026-10-08", "closed"),
        ("2026-10-09", "closed"),
        ("2026-10-10", "not countable"),
    ]
    assert (found.days[-1].deleted, found.whole.verdict, found.closes) == (None, "not countable", False)
    with pytest.raises(ObjectError, match="has not begun"):
        verify(datetime(2026, 10, 7, tzinfo=UTC))


def test_regions_without_the_check_are_misused(environment: Path) -> None:
    result = CliRunner().invoke(cli, ["report", *OCTOBER, "--replica-region", "eu-west-1"])

    assert result.exit_code == 2
    assert "give --verify too" in result.stderr
