"""`ttl-archive doctor`: its options and help."""

import sys
from typing import Any

import click

from ttl_archive.replay.commands.options import aws_options, report_errors


@click.command("doctor")
@aws_options
@report_errors
def doctor(**options: Any) -> None:
    """Check a deployed archive, and say what to do about each problem.

    It checks your identity and permissions (simulated by IAM), the table and its TTL, items that TTL should
    have deleted, the streaming destination or the event source mapping, the delivery streams, the bucket and
    its lifecycle, the stack and its drift, and quotas near their limits. It changes nothing. What cannot be
    checked is "not checked", with the reason.

    \b
    To check the archive of ./archive.toml:   ttl-archive doctor
    To check another one:                     ttl-archive doctor --profile ops

    It scans 1,000 items of the table for their TTL values, which consumes read capacity.

    Exit codes: 0 no problem was found, 1 there is a problem, 2 misused.
    """
    from ttl_archive.infra.doctor.doctor_steps import run_doctor  # what --help does not need

    sys.exit(run_doctor(**options))
