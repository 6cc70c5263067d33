"""The report of causes that `list --why`, `plan` and `inspect` print: code, attribute, and what to do."""

from shlex import quote
from typing import Any

import click

from ttl_archive.replay.causes import Cause
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import Place
from ttl_archive.replay.error_objects.forecast import CauseCount, Forecast
from ttl_archive.replay.remedies import remedy, settings_to_add
from ttl_archive.transform.settings import Settings


def causes_document(counted: Forecast, settings: Settings) -> dict[str, Any]:
    """Return the forecast with its causes, for --json."""
    return {
        "deliver": counted.deliver,
        "drop": dict(counted.drop),
        "waived": counted.waived,
        "refuse": counted.refused,
        "causes": [
            {
                "code": cause.code,
                "attribute": cause.attribute,
                "records": count.records,
                "objects": count.objects,
                "example": "{}:{}".format(*count.example),
                "remedy": remedy(cause.code),
                "settings": settings_to_add(cause, settings),
            }
            for cause, count in _sorted(counted)
        ],
    }


def print_causes(place: Place, counted: Forecast) -> None:
    """Print what would become of the records, then each cause with what to do about it."""
    show.field("would be delivered", f"{counted.deliver:,}")
    show.field("would be dropped", show.counts(counted.drop))
    show.field("would be refused", f"{counted.refused:,}")
    if counted.waived:
        show.field("waived", f"{counted.waived:,}")
    for cause, count in _sorted(counted):
        click.echo("")
        where = f" at {cause.attribute}" if cause.attribute else ""
        number = f"{show.plural(count.records, 'record')} in {show.plural(count.objects, 'object')}"
        show.paragraph(f"{cause.code}{where}: {number}")
        print_remedy(cause, place.settings)
        key, line = count.example
        url = f"s3://{place.bucket}/{key}"
        config = f" --config {quote(str(place.config))}" if place.config else ""
        show.block(f"Look:   ttl-archive replay inspect {quote(url)} --line {line}{config}", "  ")
        if _is_waived_at_last(cause):
            waive = f"ttl-archive replay waive {quote(f'{url}:{line}')} --reason TEXT{config}"
            show.block(f"Accept: {waive}", "  ")
    if any(map(_is_waived_at_last, counted.refuse)):
        click.echo("")
        show.paragraph(
            "Accept takes what a run has refused, so replay first; without :LINE it takes every refused "
            "record of the object."
        )


def _is_waived_at_last(cause: Cause) -> bool:
    """Whether nothing may be left but to accept the loss; a column of its own ends every collision."""
    return cause.code != "ColumnCollision"


def print_remedy(cause: Cause, settings: Settings, indent: str = "  ") -> None:
    """Print what to do about a cause, with what to paste into archive.toml."""
    show.paragraph(remedy(cause.code), indent)
    if text := settings_to_add(cause, settings):
        show.block(text, indent + "  ")


def _sorted(counted: Forecast) -> list[tuple[Cause, CauseCount]]:
    return sorted(
        counted.refuse.items(), key=lambda each: (-each[1].records, each[0].code, each[0].attribute)
    )
