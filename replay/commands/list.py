"""`replay list`: what failed, counted; the objects; the causes."""

import sys
from collections.abc import Callable
from itertools import groupby
from typing import Any

import click

from ttl_archive.replay.causes import explainer
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.causes_report import causes_document, print_causes
from ttl_archive.replay.commands.options import (
    FAILED,
    Place,
    as_filter,
    aws_options,
    filter_options,
    place_options,
    report_errors,
)
from ttl_archive.replay.error_objects.failure_counts import (
    FailureCount,
    count_by_name,
    count_codes,
    count_failures,
)
from ttl_archive.replay.error_objects.forecast import forecast
from ttl_archive.replay.error_objects.survey import Filter, Found, survey, with_code
from ttl_archive.replay.error_objects.whereabouts import nothing_found
from ttl_archive.replay.errors import MisuseError, NothingFoundError, ReplayError
from ttl_archive.replay.remedies import settings_to_add
from ttl_archive.replay.verdict import judge


@click.command("list")
@place_options
@filter_options
@click.option("--objects", "by_object", is_flag=True, help="Show each object, with its key and state.")
@click.option("--why", is_flag=True, help="Show the causes, by today's verdicts, and what to do.")
@click.option("--names-only", is_flag=True, help="Count objects by their names, without reading them.")
@aws_options
@report_errors
def list_command(
    bucket: str,
    prefix: str | None,
    by_object: bool,
    why: bool,
    names_only: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what failed: by day, error output type, error code and state. Times are in UTC.

    The state of an object is that of its worst record: open (to be replayed), refused (replayed; some
    records are refused with today's settings), waived (an operator accepted the loss), done.

    \b
    To see everything:               ttl-archive replay list --bucket my-archive
    To see why records are refused:  ttl-archive replay list --bucket my-archive --why
    To see each object:              ttl-archive replay list --bucket my-archive --objects
    To see the last two days:        ttl-archive replay list --bucket my-archive --since 2d
    To count a large backlog fast:   ttl-archive replay list --bucket my-archive --names-only
    To see discarded batches:
      ttl-archive replay list --bucket my-archive --on-failure my-on-failure-bucket
    """
    only = as_filter(options)
    _check_reports(only, by_object=by_object, why=why, names_only=names_only)
    place = Place(bucket, prefix, **options)
    problems: list[ReplayError] = []

    def on_problem(error: ReplayError) -> None:
        problems.append(error)
        show.note(str(error))

    found = _find(place, only, as_json, on_problem)
    if by_object:
        _list_objects(found, as_json)
    elif why:
        _list_causes(place, found, as_json, on_problem)
    else:
        count = count_by_name if names_only else count_codes
        groups = count_failures(place.s3, found, only.codes, count=count, on_problem=on_problem)
        _list_groups(place, groups, as_json)
    if problems:
        sys.exit(FAILED)


def _check_reports(only: Filter, *, by_object: bool, why: bool, names_only: bool) -> None:
    if names_only and (only.codes or why):
        raise MisuseError("--code and --why need the records, which --names-only does not read")
    if by_object and why:
        raise MisuseError("--objects and --why are two reports: give one of them")


def _find(
    place: Place, only: Filter, as_json: bool, on_problem: Callable[[ReplayError], None]
) -> list[Found]:
    """Return what was found, and report the claims that cannot be read."""
    try:
        found = find_all(place, only)
    except NothingFoundError:
        if as_json:
            show.as_json([])
        raise
    for each in found:
        if each.problem:
            on_problem(ReplayError(each.problem))
    return found


def find_all(place: Place, only: Filter) -> list[Found]:
    """Return the selected error objects. Raises NothingFoundError, which says what there is, for none."""
    bucket = place.errors_bucket
    found = survey(place.claims, place.prefix, only, place.transform, errors_bucket=bucket)
    selected = list(with_code(place.s3, found, only.codes))
    if not selected:
        raise nothing_found(place.claims, place.prefix, only, bucket)
    return selected


def _list_groups(place: Place, groups: list[FailureCount], as_json: bool) -> None:
    if as_json:
        show.as_json([_group_document(group) for group in groups])
        return
    for kind, some in groupby(sorted(groups, key=lambda each: each.type), key=lambda each: each.type):
        click.echo(kind)
        rows = [
            (each.day, each.state, each.records, each.objects, show.size(each.bytes), each.code)
            for each in some
        ]
        show.table(("day", "state", "records", "objects", "size", "code"), rows, indent="  ")
    states = {group.state for group in groups}
    if states & {State.OPEN, State.REFUSED}:
        show.note(f"To see why, and what to do: ttl-archive replay list --why {place.arguments}")
    elif groups:
        show.note(
            "All of it is done or waived. To move it out of the way: "
            f"ttl-archive replay retire {place.arguments} --yes"
        )


def _group_document(group: FailureCount) -> dict[str, Any]:
    return {name: getattr(group, name) for name in FailureCount.__slots__}


def _list_objects(found: list[Found], as_json: bool) -> None:
    documents = [_object_document(each) for each in found]
    if as_json:
        show.as_json(documents)
        return
    for each, document in zip(found, documents, strict=True):
        click.echo(show.printable(each.object.key))
        parts = [each.state, show.size(each.object.size), show.moment(each.object.time)]
        if refused := document["refused"]:
            parts.append(f"refused {show.counts(refused)}")
        if document["held_by"]:
            parts.append(f"held by {document['held_by']} until {show.moment(document['held_until'])}")
        show.paragraph(", ".join(parts), "  ")
        for waiver in document["waivers"]:
            records = show.plural(waiver["records"], "record")
            waived = f"{records} waived by {waiver['by']} at {show.moment(waiver['at'])}"
            show.paragraph(f"{waived}: {waiver['reason']}", "  ")


def _object_document(found: Found) -> dict[str, Any]:
    claim = found.document
    result = claim.result if claim else None
    waivers = [each for each in claim.waivers if not each.undone_by] if claim else []
    return {
        "key": found.object.key,
        "state": found.state,
        "type": found.object.type,
        "bytes": found.object.size,
        "time": found.object.time,
        "held_by": claim.owner if claim and claim.until else "",
        "held_until": claim.until if claim else None,
        "refused": result.refused if result else {},
        "waivers": [
            {"by": each.by, "at": each.at, "reason": each.reason, "records": len(each.records)}
            for each in waivers
        ],
    }


def _list_causes(place: Place, found: list[Found], as_json: bool, on_problem: Any) -> None:
    open_objects = [each for each in found if each.state in (State.OPEN, State.REFUSED)]
    counted = forecast(
        place.s3,
        open_objects,
        judge(place.settings),
        explainer(place.settings),
        on_problem=on_problem,
    )
    if as_json:
        show.as_json(causes_document(counted, place.settings))
        return
    objects, records = show.plural(len(open_objects), "object"), show.plural(counted.records, "record")
    click.echo(f"{objects} open or refused, with {records}")
    print_causes(place, counted)
    if counted.deliver or counted.drop:
        show.note(f"To replay what can be delivered: ttl-archive replay plan {place.arguments}")
    elif any(settings_to_add(cause, place.settings) for cause in counted.refuse):
        show.note(f"After that change, look again: ttl-archive replay list --why {place.arguments}")
