"""AWS clients for the time of one command."""

import click

from ttl_archive.replay.aws import Clients


def clients_of_command(profile: str | None, region: str | None) -> Clients:
    """Return AWS clients, which are closed when the command ends."""
    clients = Clients(profile=profile, region=region)
    click.get_current_context().call_on_close(clients.close)
    return clients
