"""How to reach a demo that is left running (`--serve`): the AWS command line, `ttl-archive replay`, and SQL.

`python -m ttl_archive.infra.local.demo.ask "SELECT ..."` asks its archive. It takes the environment variables
that the demo printed.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import join, quote

import boto3
import click
import duckdb

from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.local.resources import NAME, ROLE_ARN
from ttl_archive.infra.local.roads.local_kinesis_road import LocalKinesisRoad
from ttl_archive.infra.query.engine import create_relations, open_engine
from ttl_archive.infra.query.stored_files import bucket_files, with_retrieval_states
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.settings import load

_DESCRIBE = ("aws", "firehose", "describe-delivery-stream", "--delivery-stream-name")
_EXAMPLE_VALUES = {"S": "mine", "N": "1", "B": "bWluZQ=="}


def how_to_reach(pipeline: Pipeline, keys: Mapping[str, str]) -> str:
    """Return what to type into another terminal; `keys` are the key attributes with their types."""
    environment = sorted(pipeline.environment().items())
    exports = "\n".join(f"export {name}={quote(value)}" for name, value in environment)
    expired = str(int(pipeline.clock.now().timestamp()) - 60)
    item = {name: {kind: _EXAMPLE_VALUES[kind]} for name, kind in keys.items()}
    item[pipeline.settings.table.ttl_attribute] = {"N": expired}
    put = ["aws", "dynamodb", "put-item", "--table-name", pipeline.table, "--item", json.dumps(item)]
    date = pipeline.settings.output.date_column
    question = f"SELECT {date}, count(*) FROM archive GROUP BY ALL ORDER BY ALL"  # noqa: S608  a name that the settings checked
    return f"""
It goes on running until Ctrl-C. Its clock is at {pipeline.clock.now():%Y-%m-%d %H:%M} UTC.
In another terminal:

{exports}
{join(put)}   # expires within seconds
aws s3 ls --recursive s3://{pipeline.bucket}/
{join([*_DESCRIBE, pipeline.road.delivery_stream])}{_describe_destination(pipeline)}
{_own_delivery_stream(pipeline)}
{join([sys.executable, "-m", "ttl_archive.infra.local.demo.ask", question])}
{quote(_our_command())} replay list --bucket {pipeline.bucket}
"""


def _describe_destination(pipeline: Pipeline) -> str:
    """Return the command that shows the streaming destination, on a line of its own; nothing without one."""
    if not isinstance(pipeline.road, LocalKinesisRoad):
        return ""
    describe = ["aws", "dynamodb", "describe-kinesis-streaming-destination"]
    return f"\n{join([*describe, '--table-name', pipeline.table])}"


def _own_delivery_stream(pipeline: Pipeline) -> str:
    """Return two commands: create a delivery stream beside the demo's, and put a record, which lands soon."""
    destination = {
        "BucketARN": f"arn:aws:s3:::{pipeline.bucket}",
        "RoleARN": ROLE_ARN,
        "Prefix": "mine/",
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
    }
    name = ["--delivery-stream-name", "mine"]
    create = ["aws", "firehose", "create-delivery-stream", *name]
    create += ["--extended-s3-destination-configuration", json.dumps(destination)]
    put = ["aws", "firehose", "put-record", *name, "--record", '{"Data":"aGVsbG8K"}']
    return f"{join(create)}\n{join(put)}   # lands below mine/ within seconds"


@click.command()
@click.argument("query")
def ask(query: str) -> None:
    """Answer SQL over the archive of a demo that runs with --serve, in the environment that it printed."""
    try:
        click.echo(_answer(query))
    except KeyError as missing:
        hint = "Run the export lines that `ttl-archive demo --serve` printed"
        raise click.ClickException(f"{missing.args[0]} is not set. {hint}.") from None
    except (SettingsError, duckdb.Error) as error:
        raise click.ClickException(str(error)) from None


def _answer(query: str) -> str:
    url, settings, s3 = os.environ["AWS_ENDPOINT_URL_S3"], load(), boto3.client("s3")
    files = with_retrieval_states(s3, bucket_files(s3, NAME, settings))
    if unseen := files.unreadable():
        click.echo(f"{len(unseen)} objects are in GLACIER and not in any answer.", err=True)
    with open_engine(local_access(url)) as connection:
        create_relations(connection, *files.readable(), settings)
        return str(connection.sql(query))


def _our_command() -> str:
    """Return the `ttl-archive` of this environment, which need not be on the PATH of the other terminal."""
    beside = Path(sys.executable).with_name("ttl-archive")
    return str(beside) if beside.exists() else "ttl-archive"


if __name__ == "__main__":
    ask()
