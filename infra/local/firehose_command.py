"""`ttl-archive firehose`: a local Firehose beside S3, DynamoDB and Kinesis, for use from any language."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # imported when the command runs, because they take most of the time of its --help
    from ttl_archive.infra.local.firehose.function import Function
    from ttl_archive.infra.local.services import LocalServices

_ACCOUNT = "123456789012"
_WORK_EVERY_S = 1  # KDS: Firehose calls GetRecords about once a second


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Listen on this port.  [default: a free one]"
)
@click.option(
    "--function",
    "functions",
    multiple=True,
    metavar="NAME=MODULE.HANDLER",
    help="A Lambda function that delivery streams can invoke, run by AWS's runtime client. Repeatable.",
)
@click.option(
    "--task-root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    show_default=True,
    help="The folder that the functions' modules are imported from.",
)
def firehose(port: int, functions: tuple[str, ...], task_root: Path) -> None:
    """Run a strict local Firehose beside S3, DynamoDB and Kinesis until Ctrl-C.

    Any AWS SDK and the AWS command line reach it through AWS_ENDPOINT_URL. Everything is in memory. It
    listens on 127.0.0.1 only, checks no signatures, and refuses web pages of other sites. Expired DynamoDB
    items stay: the TTL process runs in `ttl-archive demo` only.

    \b
    To run it:              ttl-archive firehose
    On a fixed port:        ttl-archive firehose --port 4573
    With your function:     ttl-archive firehose --function orders=app.handler --task-root src
    """
    from ttl_archive.infra.local.services import LocalServices

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves no process behind, like Ctrl-C
    with ExitStack() as stack:
        known = {
            _arn(name): _started(stack, name, handler, task_root.absolute())
            for name, handler in map(_name_and_handler, functions)
        }
        services = stack.enter_context(LocalServices(functions=known, port=port))
        services.emulator.wait_ready()
        click.echo(_how_to_reach(services, known))
        try:
            while True:
                time.sleep(_WORK_EVERY_S)
                services.work()
        except KeyboardInterrupt:
            click.echo("Stopped.")


def _name_and_handler(text: str) -> tuple[str, str]:
    name, _, handler = text.partition("=")
    if not name or "." not in handler:
        raise click.UsageError(
            f"--function has value '{text}'. Use NAME=MODULE.HANDLER, e.g. orders=app.handler."
        )
    return name, handler


def _started(stack: ExitStack, name: str, handler: str, task_root: Path) -> Function:
    from ttl_archive.infra.local.firehose.function import FunctionError
    from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime

    function = stack.enter_context(LambdaRuntime(handler, function_name=name, task_root=task_root))
    try:
        function.wait_ready()
    except FunctionError as error:
        raise click.ClickException(f"The function {name} does not start: {error}") from None
    return function


def _arn(name: str) -> str:
    from ttl_archive.infra.local.moto_server.emulator import REGION

    return f"arn:aws:lambda:{REGION}:{_ACCOUNT}:function:{name}"


def _how_to_reach(services: LocalServices, functions: dict[str, Function]) -> str:
    exports = [f"export {name}={quote(value)}" for name, value in sorted(services.environment().items())]
    arns = [f"LambdaArn {arn}" for arn in functions]
    return "\n".join(["Running until Ctrl-C. In another terminal:", "", *exports, "", *arns])
