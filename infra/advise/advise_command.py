"""`ttl-archive advise`: its options and help."""

from typing import Any

import click

from ttl_archive.replay.commands.options import report_errors


@click.command("advise")
@click.option(
    "--changes", type=click.IntRange(0), help="Changes of the table in a month: writes and expiries."
)
@click.option("--expiries", type=click.IntRange(0), help="Items that expire in a month.")
@click.option(
    "--item-bytes",
    type=click.IntRange(1, 400 * 1024),
    help="Size of an item.  [default: 1000, or the table's]",
)
@click.option("--table", help="Read the rates of the last 30 days of this table from CloudWatch.")
@click.option(
    "--sizes", is_flag=True, help="Print the costs for three sizes of table, as the README has them."
)
@click.option("--profile", help="Profile of the AWS configuration.")
@click.option("--region", help="AWS Region.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@report_errors
def advise(**options: Any) -> None:
    """Estimate an archive: its volume, its buffers, and the monthly cost of each road.

    \b
    To estimate a table:
      ttl-archive advise --changes 100000000 --expiries 5000000
    To read the rates of a table:      ttl-archive advise --table DeviceData
    To compare three sizes of table:   ttl-archive advise --sizes

    Costs are list prices of us-east-1. `ttl-archive init` measures the sizes of your own items instead.
    With --table it takes the permissions dynamodb:DescribeTable and cloudwatch:GetMetricData.

    Exit codes: 0 done, 1 failed, 2 misused, 4 CloudWatch has no rates of the table.
    """
    from ttl_archive.infra.advise.advise_steps import run_advise  # what --help does not need

    run_advise(**options)
