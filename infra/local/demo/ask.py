"""How to reach a demo that is left running (`--serve`): the AWS command line, and our own commands."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import join, quote

from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.local.resources import ROLE_ARN
from ttl_archive.infra.local.roads.local_kinesis_road import LocalKinesisRoad

_DESCRIBE = ("aws", "firehose", "describe-delivery-stream", "--delivery-stream-name")
_EXAMPLE_VALUES = {"S": "mine", "N": "1", "B": "bWluZQ=="}


def environment_lines(pipeline: Pipeline) -> str:
    """Return the lines of a shell that set the environment of the demo, and the name of its bucket."""
    environment = {**pipeline.environment(), "BUCKET": pipeline.bucket}
    return "".join(f"export {name}={quote(value)}\n" for name, value in sorted(environment.items()))


def how_to_reach(pipeline: Pipeline, keys: Mapping[str, str], env_file: Path | None = None) -> str:
    """Return what to type into another terminal; `keys` are the key attributes with their types.

    `env_file` has the environment, where it was written to a file.
    """
    exports = f". {quote(str(env_file.resolve()))}" if env_file else environment_lines(pipeline).rstrip()
    expired = str(int(pipeline.clock.now().timestamp()) - 60)
    item = {name: {kind: _EXAMPLE_VALUES[kind]} for name, kind in keys.items()}
    item[pipeline.settings.table.ttl_attribute] = {"N": expired}
    put = ["aws", "dynamodb", "put-item", "--table-name", pipeline.table, "--item", json.dumps(item)]
    date = pipeline.settings.output.date_column
    question = f"SELECT {date}, count(*) FROM archive GROUP BY {date} ORDER BY {date}"  # noqa: S608  a name that the settings checked
    return f"""
It runs until Ctrl-C. Its clock is at {pipeline.clock.now():%Y-%m-%d %H:%M} UTC.
Press Enter to let a month pass, after which the archive moves to GLACIER.
In another terminal:

{exports}
{join(put)}   # expires within seconds
aws s3 ls --recursive s3://{pipeline.bucket}/
{join([*_DESCRIBE, pipeline.road.delivery_stream])}{_describe_destination(pipeline)}
{_own_delivery_stream(pipeline)}
{quote(_our_command())} query --on s3 --bucket {pipeline.bucket} {quote(question)}
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


def _our_command() -> str:
    """Return the `ttl-archive` of this environment, which need not be on the PATH of the other terminal."""
    beside = Path(sys.executable).with_name("ttl-archive")
    return str(beside) if beside.exists() else "ttl-archive"
