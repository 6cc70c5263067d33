"""The retrieval as the operator sees it: what it costs, the consent, and the wait."""

import sys
from collections.abc import Sequence
from threading import Event
from typing import Any

import click

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.progress import counter
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState
from ttl_archive.replay.restore.restore_request import RestoreOptions
from ttl_archive.replay.restore.retrieval import request_retrievals, retrieval_states, wait_until_readable
from ttl_archive.replay.restore.retrieval_cost import estimate


def make_readable(s3: Any, objects: Sequence[ArchivedObject], options: RestoreOptions, stop: Event) -> bool:
    """Return whether all objects can be read; if not, their retrieval is in progress, or this is a dry run.

    Raises MisuseError when nobody can be asked, click.Abort when the operator says no, and ReplayError.
    """
    frozen = [each for each in objects if each.is_in_glacier]
    states = retrieval_states(s3, frozen, options.concurrency, options.workers)
    waiting = [each for each in frozen if states[each.key] is not RetrievalState.READABLE]
    if not waiting:
        return True
    needed = [each for each in waiting if states[each.key] is RetrievalState.NEEDED]
    if needed and not _request(s3, needed, options):
        return False
    if not options.wait or options.dry_run:
        show.note("The retrieval is in progress. Run the same command when it is over.")
        return False
    return _wait(s3, waiting, options, stop)


def _request(s3: Any, objects: Sequence[ArchivedObject], options: RestoreOptions) -> bool:
    """Request the retrieval of objects once its cost is agreed to; return False in a dry run."""
    cost = estimate(objects, options.tier, options.days)
    show.note(
        f"{cost.objects:,} objects, {show.size(cost.size)}, are in GLACIER. Their retrieval ({options.tier}, "
        f"readable for {options.days} days) takes {cost.takes} and costs about ${cost.usd:,.2f} at the "
        "prices of us-east-1."
    )
    if options.dry_run:
        show.note("A dry run retrieves nothing, so their rows cannot be counted.")
        return False
    if not options.yes:
        if not sys.stdin.isatty():
            raise MisuseError("there is no terminal to ask on. Add --yes to retrieve the objects")
        click.confirm("Retrieve them?", abort=True, err=True)
    request_retrievals(
        s3,
        objects,
        tier=options.tier,
        days=options.days,
        concurrency=options.concurrency,
        workers=options.workers,
    )
    return True


def _wait(s3: Any, waiting: Sequence[ArchivedObject], options: RestoreOptions, stop: Event) -> bool:
    show.note(f"Waiting for the retrieval, asking every {options.poll_s:g} s. Ctrl-C ends only the waiting.")
    with counter("Retrieving", len(waiting)) as progress:
        ready = wait_until_readable(s3, waiting, poll_s=options.poll_s, stop=stop, on_step=progress)
    if not ready:
        show.note("Stopped waiting; the retrieval goes on. Run the same command to resume.")
    return ready
