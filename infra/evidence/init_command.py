"""`ttl-archive init`: from a live table or files of items to a valid archive.toml."""

from pathlib import Path
from typing import Any

import click

from ttl_archive.infra.evidence.sample_options import files_argument, limit_option
from ttl_archive.replay.commands.options import report_errors

DEFAULT_MAX_COLUMNS = 100


@click.command("init")
@files_argument
@click.option("--table", required=True, help="Name of the table.")
@click.option("--ttl-attribute", help="The TTL attribute.  [default: the table's, or found in the items]")
@click.option("--key", "keys", multiple=True, help="With files: a key attribute; repeat it for a sort key.")
@click.option(
    "--format", "file_format", type=click.Choice(["jsonl", "csv"]), help="Format of rows.  [default: jsonl]"
)
@limit_option
@click.option(
    "--max-columns",
    type=click.IntRange(0, 1_000),
    default=DEFAULT_MAX_COLUMNS,
    show_default=True,
    help="The most columns to write. Attributes that collide get one in any case.",
)
@click.option(
    "--expiries-per-month",
    type=click.IntRange(0),
    help="Items that expire in a month, to estimate the cost.  [default: as many as the table holds]",
)
@click.option(
    "--writes-per-item",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Writes of an item before it expires, to estimate the cost.",
)
@click.option(
    "--source",
    type=click.Choice(["kinesis", "streams"]),
    help="The road of the changes.  [default: compared by cost; streams only where it saves much]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default="archive.toml", show_default=True, help="File to write."
)
@click.option("--dry-run", is_flag=True, help="Print the file instead of writing it.")
@click.option("--interactive", is_flag=True, help="Ask what the items do not say.")
@click.option("--profile", help="Profile of the AWS configuration.")
@click.option("--region", help="AWS Region.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@report_errors
def init(files: tuple[Path, ...], table: str, **options: Any) -> None:
    """Write archive.toml for a table, from what its items are.

    Reads a sample: of the live table (Scan, eventually consistent, spread over the table), or of files in any
    form: DynamoDB JSON or plain JSON, one item a line; output of `aws dynamodb scan`; data files or the
    manifest of a DynamoDB export. Reports which items would never expire and which the transform would
    refuse, and chooses columns with types and names that avoid that. Compares the roads, Kinesis and Streams,
    by cost and by what they survive. An existing file is never overwritten.

    \b
    To start from a live table:        ttl-archive init --table DeviceData
    To look first:                     ttl-archive init --table DeviceData --dry-run
    To be asked:                       ttl-archive init --table DeviceData --interactive
    To start from a file of items:     ttl-archive init --table DeviceData items.jsonl
    To start from an export:           ttl-archive init --table DeviceData export/manifest-summary.json
    To compare the roads for a table whose items are written 20 times:
      ttl-archive init --table DeviceData --expiries-per-month 1000000 --writes-per-item 20
    To read more of the table:         ttl-archive init --table DeviceData --limit 100000

    A live table takes the permissions dynamodb:DescribeTable, dynamodb:DescribeTimeToLive and dynamodb:Scan.

    Exit codes: 0 done, 1 failed, 2 misused, 4 the files have no item.
    """
    from ttl_archive.infra.evidence.init_run import InitRequest, run_init  # what --help does not need

    run_init(InitRequest(files=files, table=table, **options))
