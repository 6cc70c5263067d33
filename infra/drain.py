"""`ttl-archive drain`: detach the table, then wait until the delivery stream holds no record any more.

After it, the stack or the delivery stream can be deleted without a loss. What "drained" means and how it is
known is in attachment/deployed_road.py; the drain guard of the stack applies the same rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.attachment.attach import DestinationError, Waiter
from ttl_archive.infra.attachment.deployed_road import (
    SYSTEM_CLOCK,
    DeployedRoad,
    PausingClock,
    confirmed_reasons,
)
from ttl_archive.infra.attachment.drained import DeployedKinesisRoad
from ttl_archive.infra.attachment.forwarded import MAX_AGE_S, DeployedStreamsRoad, mappings
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.deployed_stack import GetClient, describe_stack, stack_outputs
from ttl_archive.infra.wanted_layout import buffers_s
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.commands.options import report_errors
from ttl_archive.transform.errors import ArchiveError
from ttl_archive.transform.settings import CONFIG_VARIABLE, Settings, load

POLL_S = 60
EXIT_FAILED, EXIT_OPEN = 1, 3
_DETACH_S = 900


class DrainError(ArchiveError):
    """The road cannot be drained; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class DrainProgress:
    """What the delivery stream still waits for; empty when it is drained."""

    reasons: tuple[str, ...]


def find_road(
    clients: GetClient, settings: Settings, deploy: Deploy, name: str | None = None
) -> DeployedRoad:
    """Find the parts of a road, `kinesis` or `streams`, in the outputs of its stack.

    Without `name`, it is the only one. Raises StackError, and DrainError when there are two.
    """
    if name is None and deploy.source == "both":
        raise DrainError(
            '[deploy] source is "both". Name the road to drain: --road kinesis, or --road streams'
        )
    stack = describe_stack(clients, deploy.stack_name)
    if (name or deploy.source) == "streams":
        outputs = stack_outputs(stack, "ForwardDeliveryStreamName", "ForwarderFunction")
        return DeployedStreamsRoad(
            table=settings.table.name,
            function=outputs["ForwarderFunction"],
            delivery_stream=outputs["ForwardDeliveryStreamName"],
            buffers_s=deploy.buffer_s,
        )
    outputs = stack_outputs(stack, "StreamName", "DeliveryStreamName")
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    return DeployedKinesisRoad(
        table=settings.table.name,
        stream_arn=f"arn:{partition}:kinesis:{region}:{account}:stream/{outputs['StreamName']}",
        delivery_stream=outputs["DeliveryStreamName"],
        buffers_s=buffers_s(settings, deploy),
    )


def detach_table(clients: GetClient, road: DeployedRoad, clock: PausingClock) -> None:
    """Let no more changes into the road and wait until AWS reports it. Raises DrainError."""
    end = clock.now() + timedelta(seconds=_DETACH_S)
    waiter = Waiter(lambda: (end - clock.now()).total_seconds(), clock.pause)
    try:
        road.detach(clients, waiter)
    except DestinationError as error:
        raise DrainError(str(error)) from None


def wait_until_drained(
    clients: GetClient, road: DeployedRoad, timeout_s: float, clock: PausingClock
) -> Iterator[DrainProgress]:
    """Yield the progress whenever it changes; the last one has no reasons. Raises DrainError on timeout."""
    end, before = clock.now() + timedelta(seconds=timeout_s), None
    while True:
        found = DrainProgress(tuple(confirmed_reasons(clients, road, clock)))
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
@click.option("--road", type=click.Choice(["kinesis", "streams"]), help="The road, when there are two.")
@click.option("--yes", is_flag=True, help="Detach the table. Without it, only the state is shown.")
@click.option("--timeout-s", type=click.IntRange(1), default=7200, show_default=True)
@report_errors
def drain(config: Path | None, road: str | None, yes: bool, timeout_s: int) -> None:
    """Detach the table and wait until every record in the delivery stream is in the bucket.

    \b
    To see the state:                         ttl-archive drain
    To detach the table, and wait:            ttl-archive drain --yes
    After a switch to the Streams road:       ttl-archive drain --road kinesis --yes
    Afterwards, to delete the stack:          aws cloudformation delete-stack --stack-name NAME

    Changes of the table are not archived from then on, unless the other road does it. Nothing is deleted.
    On the Streams road, the last line says what can still be in the table's stream alone.
    Exit codes: 0 drained, 1 not drained in this time, 2 misused, 3 changes arrive and --yes is missing.
    """
    settings = load(config, deploy_settings.SECTIONS)
    deploy = deploy_settings.load(settings)
    clients = Clients()
    try:
        found = find_road(clients, settings, deploy, road)
    except DrainError as error:
        raise click.UsageError(str(error)) from None
    if not yes and found.is_attached(clients):
        click.echo(
            f"Changes of the table {found.table} still arrive. To detach it and to wait until they are in "
            "the bucket: ttl-archive drain --yes" + (f" --road {road}" if road else ""),
            err=True,
        )
        raise SystemExit(EXIT_OPEN)
    try:
        if yes:
            detach_table(clients, found, SYSTEM_CLOCK)
        _show_progress(clients, found, timeout_s)
    except DrainError as error:
        click.echo(str(error), err=True)
        raise SystemExit(EXIT_FAILED) from None
    click.echo(f"{found.delivery_stream} is drained: it can be deleted, and so can the stack.")
    if isinstance(found, DeployedStreamsRoad):
        click.echo(_left_in_the_stream(found, deploy.batch_window_s, clients))


def _show_progress(clients: GetClient, road: DeployedRoad, timeout_s: int) -> None:
    for progress in wait_until_drained(clients, road, timeout_s, SYSTEM_CLOCK):
        for reason in progress.reasons:
            click.echo(f"waiting: {reason}", err=True)


def _left_in_the_stream(road: DeployedStreamsRoad, window_s: int, clients: GetClient) -> str:
    """Return what no metric can show after the mapping was disabled, and what to do about it."""
    late_s = window_s + MAX_AGE_S
    enabling = " and ".join(
        f"aws lambda update-event-source-mapping --uuid {each['UUID']} --enabled"
        for each in mappings(clients("lambda"), road.function)
    )
    return (
        f"Changes of the last {late_s} seconds before the mapping was disabled may be in the table's stream "
        "alone, which keeps them for 24 hours. If the Kinesis road is attached too, it has them. Otherwise, "
        "to archive them before anything is deleted: turn TTL and other writers off, enable the mapping with "
        f"{enabling or 'a new deployment'}, wait {late_s} seconds, and run ttl-archive drain --yes again."
    )
