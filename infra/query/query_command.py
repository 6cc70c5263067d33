"""`ttl-archive query`: its options and help."""

from pathlib import Path
from typing import Any

import click

from ttl_archive.infra.query.query_options import FORMATS, QueryOptions, answer_place_options, check_option
from ttl_archive.replay.commands.options import aws_options, report_errors


@click.command("query", short_help="Ask the archive with SQL.")
@click.argument("sql", required=False, metavar="[SQL | NAME]")
@click.argument("values", nargs=-1, metavar="[VALUE]...")
@click.option(
    "--file", "file", type=click.File(encoding="utf-8"), help='Read the SQL from a file; "-" is stdin.'
)
@click.option("--list", "list_saved", is_flag=True, help="Show the saved queries and their parameters.")
@answer_place_options
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How the rows are written.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: stdout]"
)
@check_option
@aws_options
@report_errors
def query(
    sql: str | None,
    values: tuple[str, ...],
    file: Any,
    list_saved: bool,
    config: Path | None,
    **options: Any,
) -> None:
    """Ask the archive with Athena's SQL, in AWS or on this machine.

    The relations are archive, archive_unique (each change once), archive_latest (the newest change of each
    key), archive_history (the changes of each key in order) and errors. The same SQL has the same answer on
    every place: what the embedded engine is not known to answer alike, it refuses. What an answer does not
    contain is said before it, on stderr.

    \b
    To count what expired, day by day, with Athena:
      ttl-archive query "SELECT dt, count(*) FROM archive_unique GROUP BY dt ORDER BY dt"
    Without Athena, from the bucket:
      ttl-archive query --on s3 --bucket my-archive "SELECT count(*) FROM archive"
    From a folder of delivered files:
      ttl-archive query --on delivered "SELECT max(temperature) FROM archive"
    To run a saved query (--list shows them):
      ttl-archive query find_item 2026-11-01 2026-11-30 %sensor-7%
    To write a file:
      ttl-archive query --file month.sql --format parquet --out month.parquet
    To be asked for one query after the other, on a terminal:
      ttl-archive query --on s3 --bucket my-archive

    Exit codes: 0 answered, 1 failed or cancelled, 2 misused, or SQL that is wrong or refused.
    """
    # Imported here, so that --help and the completion of the shell are fast.
    from ttl_archive.infra.query.query_answers import list_saved_queries, run_query

    how = QueryOptions(**options)
    if list_saved:
        list_saved_queries(config, as_json=how.as_json)
        return
    if file is not None:
        values = values if sql is None else (sql, *values)
        sql = file.read()
    run_query(config, how, sql, values)
