"""What is there when a restore finds nothing: other tables, other dates, names that are nearly right."""

import difflib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ttl_archive.replay.error_objects.objects import list_folders
from ttl_archive.replay.restore import item_extraction
from ttl_archive.replay.restore.archive_listing import ArchiveListing
from ttl_archive.replay.restore.row_filter import columns_of
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.replay.restore.stage import Stage
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_SHOWN = 10


def explain_no_objects(s3: Any, bucket: str, prefix: str, listing: ArchiveListing) -> list[str]:
    """Return sentences on why no object was selected. Raises as a listing does."""
    url = f"s3://{bucket}/{prefix}"
    if listing.total and listing.first_date:
        dates = f"Their folders have the dates {listing.first_date} to {listing.last_date}."
        return [f"None of the {listing.total:,} objects under {url} is of the selected time. {dates}"]
    if listing.total:
        return [f"The {listing.total:,} objects under {url} are empty."]
    return [f"No object is under {url}.", *_what_is_there(s3, bucket, prefix)]


def explain_no_rows(stage: Stage, selection: Selection, settings: Settings) -> list[str]:
    """Return sentences on why no row was selected."""
    counts, names = stage.counts(), stage.names()
    if counts.first_us is None or counts.last_us is None:
        return [f"The {counts.objects:,} objects of the selected time have no readable rows."]
    times = f"{_text(counts.first_us)} to {_text(counts.last_us)}"
    read = (
        f"None of the {counts.lines:,} rows that were read is selected. Their changes are from {times} UTC."
    )
    if len(names) >= item_extraction.MAX_NAMES:
        return [read]  # not all names are known, so none can be called missing
    unknown = names_not_found(selection, settings, names)
    return [read, *(_suggest(option, name, names) for option, name in unknown)]


def names_not_found(selection: Selection, settings: Settings, names: set[str]) -> list[tuple[str, str]]:
    """Return option and name of each column and attribute in the selection that is not among `names`."""
    columns = {column.path[0]: column.name for column in settings.columns}
    known = names | {settings.output.date_column}
    asked = [("--where", name) for name in sorted(columns_of(selection.where))]
    asked += [("--key", name) for name, _ in selection.keys]
    return [
        (option, name)
        for option, name in asked
        if not {name, name.partition(".")[0], columns.get(name, name)} & known
    ]


def _suggest(option: str, name: str, names: Iterable[str]) -> str:
    lowered = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)
    some = [lowered[each] for each in near] or sorted(names)[:_SHOWN]
    what = "The nearest are" if near else "There are, for example,"
    return f"{option}: no row has {name}. {what} {', '.join(some)}."


def _what_is_there(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Return what the first folder on the way to the prefix holds instead."""
    for parent in (layout.ARCHIVE, ""):
        if prefix.startswith(parent) and (folders := list(list_folders(s3, bucket, parent))):
            some = ", ".join(folders[:_SHOWN]) + (" and more" if len(folders) > _SHOWN else "")
            near = difflib.get_close_matches(prefix, folders, n=1)
            hint = (
                f" Did you mean {near[0]}? Set the table's name in archive.toml, or --prefix." if near else ""
            )
            return [f"There are {some}.{hint}"]
    return ["The bucket has no folders at all. Check --bucket, --profile and --region."]


def _text(us: int) -> str:
    time = datetime.fromtimestamp(us // 1_000_000, UTC)
    return time.strftime("%Y-%m-%d %H:%M:%S")
