"""`ttl-archive history`: its options and help."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ttl_archive.infra.query.query_options import QueryOptions, answer_place_options, check_option
from ttl_archive.replay.commands.options import FAILED, MISUSED, Moment, aws_options, fail, report_errors


@click.command("history", short_help="Show the life of an item, or what it was at a moment.")
@click.argument("key", nargs=-1, required=True, metavar="KEY...")
@click.option("--as-of", type=Moment(), metavar="TIME", help="The item as it was at this time, UTC.")
@answer_place_options
@check_option
@aws_options
@report_errors
def history(key: tuple[str, ...], as_of: datetime | None, config: Path | None, **options: Any) -> None:
    """Show every change of an item in order, or the item as it was at a moment.

    KEY is the value of the key attribute, or the values of both in the order of [table] keys. It needs
    [select] changes = "all": an archive of removals alone does not know what was before. Where the recorded
    times cannot order two changes (the same microsecond; on the Streams road the same second), the answer
    says so and shows every possible state.

    \b
    To see the life of an item, with Athena:
      ttl-archive history sensor-7
    Of a table with a sort key, without Athena:
      ttl-archive history sensor-7 2026-11-21T06:00 --on s3 --bucket my-archive
    To see it as it was at a moment, from a folder of delivered files:
      ttl-archive history sensor-7 --as-of 2026-11-21T12:00 --on delivered
    For programs:
      ttl-archive history sensor-7 --as-of 7d --json
    The whole table at a moment, and when a value changed, are saved queries:
      ttl-archive query table_at "2026-11-21 12:00:00"
      ttl-archive query value_changes sensor-7 temperature

    Exit codes: 0 answered, 1 failed, 2 misused, 3 answered but open (changes that cannot be ordered, or
    objects that were not read), 4 nothing found, 5 nothing there to answer from.
    """
    # Imported here, so that --help and the completion of the shell are fast.
    from ttl_archive.infra import deploy_settings
    from ttl_archive.infra.history.item_questions import ask_about_item, key_of_item
    from ttl_archive.infra.history.item_report import show_item
    from ttl_archive.infra.query.open_place import open_place
    from ttl_archive.infra.query.query_errors import MissingExtraError
    from ttl_archive.replay.commands import show
    from ttl_archive.transform.settings import load

    settings = load(config, deploy_settings.SECTIONS)
    asked = key_of_item(settings, key)
    how = QueryOptions(**options, file_format="table", out=None)
    try:
        with open_place(how, settings) as place:
            answer = ask_about_item(place, settings, asked, as_of)
    except MissingExtraError as error:
        fail(str(error), MISUSED)
    except KeyboardInterrupt:
        fail("stopped by Ctrl-C", FAILED)
    if how.as_json:
        show.as_json(answer.document())
    else:
        show_item(answer)
    sys.exit(answer.exit_code)
