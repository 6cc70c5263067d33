"""What `replay run --distributed` and `backfill --distributed` share: an execution that is followed."""

from collections.abc import Mapping
from threading import Event

from ttl_archive.replay import distributed_map
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.distributed_map import Execution


def run_in_state_machine(
    clients: Clients, state_machine_arn: str, order: Mapping[str, str], things: str
) -> None:
    """Start an execution and print its progress on stderr until it ends; `things` are what the map counts.

    Ctrl-C stops following and leaves the execution alone. Raises MisuseError when the state machine does not
    exist, and ReplayError unless the execution succeeds.
    """
    stop, shown = Event(), Execution("")

    def on_step(now: Execution) -> None:
        nonlocal shown
        if now != shown:
            show.note(
                f"{now.status}: {now.succeeded:,} of {now.total:,} {things} done, {now.failed:,} failed"
            )
        shown = now

    with ctrl_c(stop):
        distributed_map.run(clients("stepfunctions"), state_machine_arn, order, stop, on_step)
