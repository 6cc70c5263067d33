"""The options that say where and how a question is answered, of the commands that ask the archive."""

from dataclasses import dataclass
from pathlib import Path

import click

from ttl_archive.replay.commands.options import stack

FORMATS = ("table", "csv", "jsonl", "parquet")

answer_place_options = stack(
    click.option(
        "--on",
        "place",
        default="athena",
        show_default=True,
        metavar="athena|s3|FOLDER",
        help="Who answers: Athena, or the embedded engine over the bucket or a folder of delivered files.",
    ),
    click.option("--bucket", help="Bucket of the archive.  [default: that of the stack]"),
)
check_option = click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    help="With Athena: list the bucket first, and say what the answer does not see.",
)


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """The options of the command that say where and how a question is answered."""

    place: str
    bucket: str | None
    profile: str | None
    region: str | None
    file_format: str
    out: Path | None
    as_json: bool
    check: bool
