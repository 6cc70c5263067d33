"""`ttl-archive drain`: detach the table, then wait until the delivery stream holds no record any more.

After it, the stack or the delivery stream can be deleted without a loss. What "drained" means and how it is
known is in attachment/drained.py; the drain guard of the stack applies the same rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.attachment.attach import Destination, DestinationError, Waiter, destinations, detach
from ttl_archive.infra.attachment.drained import SYSTEM_CLOCK, PausingClock, PipelineNames, confirmed_reasons
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.deployed_stack import GetClient, describe_stack, stack_outputs
from ttl_archive.infra.wanted_layout import buffers_s
from ttl_archive.replay.aws import Clients
from ttl_archive.transform.errors import ArchiveError
from ttl_archive.transform.settings import CONFIG_VARIABLE, Settings, load

POLL_S = 60
EXIT_FAILED, EXIT_OPEN = 1, 3
_DETACH_S = 900
_STREAMS = ("ENABLING", "ACTIVE", "UPDATING")


class DrainError(ArchiveError):
    """The pipeline cannot be drained; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class DrainProgress:
    """What the delivery stream still waits for; empty when it is drained."""

    reasons: tuple[str, ...]


def deployed_pipeline(clients: GetClient, settings: Settings, deploy: Deploy) -> PipelineNames:
    """Find the names of the pipeline in the outputs of its stack. Raises StackError."""
    stack = describe_stack(clients, deploy.stack_name)
    outputs = stack_outputs(stack, "StreamName", "DeliveryStreamName")
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    return PipelineNames(
        table=settings.table.name,
        stream_arn=f"arn:{partition}:kinesis:{region}:{account}:stream/{outputs['StreamName']}",
        delivery_stream=outputs["DeliveryStreamName"],
        buffers_s=buffers_s(settings, deploy),
    )


def detach_table(clients: GetClient, pipeline: PipelineNames, clock: PausingClock) -> None:
    """Turn off the table's streaming and wait until DynamoDB reports it. Raises DrainError."""
    end = clock.now() + timedelta(seconds=_DETACH_S)
    waiter = Waiter(lambda: (end - clock.now()).total_seconds(), clock.pause)
    try:
        detach(clients("dynamodb"), Destination(pipeline.table, pipeline.stream_arn), waiter)
    except DestinationError as error:
        raise DrainError(str(error)) from None


def wait_until_drained(
    clients: GetClient, pipeline: PipelineNames, timeout_s: float, clock: PausingClock
) -> Iterator[DrainProgress]:
    """Yield the progress whenever it changes; the last one has no reasons. Raises DrainError on timeout."""
    end, before = clock.now() + timedelta(seconds=timeout_s), None
    while True:
        found = DrainProgress(tuple(confirmed_reasons(clients, pipeline, clock)))
        if found != before:
            yield found
        if not found.reasons:
            return
        if clock.now() >= end:
            raise DrainError(
                f"Not drained after {timeout_s:.0f} seconds: {'; '.join(found.reasons)}. Nothing was "
                "deleted. "
                "Run ttl-archive drain again, or see the runbook: ttl-archive docs deploy"
            )
        before = found
        clock.pause(POLL_S)


@click.command("drain")
@click.option(
    "--config", type=click.Path(path_type=Path), help=f"archive.toml; else {CONFIG_VARIABLE} names it."
)
@click.option("--yes", is_flag=True, help="Detach the table. Without it, only the state is shown.")
@click.option("--timeout-s", type=click.IntRange(1), default=7200, show_default=True)
def drain(config: Path | None, yes: bool, timeout_s: int) -> None:
    """Detach the table and wait until every record in the delivery stream is in the bucket.

    \b
    To see the state:                         ttl-archive drain
    To detach the table, and wait:            ttl-archive drain --yes
    Afterwards, to delete the stack:          aws cloudformation delete-stack --stack-name NAME

    Changes of the table are not archived from then on. Nothing is deleted. Exit codes: 0 drained, 1 not
    drained in this time, 2 misused, 3 the table streams and --yes is missing.
    """
    settings = load(config, deploy_settings.SECTIONS)
    deploy = deploy_settings.load(settings)
    clients = Clients()
    pipeline = deployed_pipeline(clients, settings, deploy)
    if not yes and _streams(clients, pipeline):
        click.echo(
            f"The table {pipeline.table} streams into {pipeline.stream}. To detach it and to wait until its "
            "changes are in the bucket: ttl-archive drain --yes",
            err=True,
        )
        raise SystemExit(EXIT_OPEN)
    try:
        if yes:
            detach_table(clients, pipeline, SYSTEM_CLOCK)
        _show_progress(clients, pipeline, timeout_s)
    except DrainError as error:
        click.echo(str(error), err=True)
        raise SystemExit(EXIT_FAILED) from None
    click.echo(f"{pipeline.delivery_stream} is drained: it can be deleted, and so can the stack.")


def _show_progress(clients: GetClient, pipeline: PipelineNames, timeout_s: int) -> None:
    for progress in wait_until_drained(clients, pipeline, timeout_s, SYSTEM_CLOCK):
        for reason in progress.reasons:
            click.echo(f"waiting: {reason}", err=True)


def _streams(clients: GetClient, pipeline: PipelineNames) -> bool:
    found = destinations(clients("dynamodb"), pipeline.table)
    return any(
        entry["StreamArn"] == pipeline.stream_arn and entry["DestinationStatus"] in _STREAMS
        for entry in found
    )
