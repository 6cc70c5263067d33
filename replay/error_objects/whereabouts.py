"""What is in a bucket when nothing was found where a command looked: folders, dates, nearest names."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Any

from ttl_archive.replay.claims import Claims
from ttl_archive.replay.error_objects.objects import list_error_objects, list_folders, list_keys
from ttl_archive.replay.error_objects.survey import Filter
from ttl_archive.replay.errors import NothingFoundError
from ttl_archive.transform import layout

_SHOWN = 10
_LOOK_AT = 10_000  # objects, to tell the dates that they cover


def nothing_found(
    claims: Claims, prefix: str, only: Filter, errors_bucket: str | None = None
) -> NothingFoundError:
    """Return the error for a prefix and filter that match nothing, saying what there is.

    `errors_bucket` is as for `survey`.
    """
    s3, bucket = claims.s3, errors_bucket or claims.bucket
    objects = list(islice(list_error_objects(s3, bucket, prefix), _LOOK_AT))
    url = f"s3://{bucket}/{prefix}"
    if objects:
        days = sorted(each.time.date().isoformat() for each in objects)
        many = f"{len(objects):,}" + (" or more" if len(objects) == _LOOK_AT else "")
        types = ", ".join(sorted({each.type for each in objects}))
        return NothingFoundError(
            f"{url}: {_filter_text(only)} none of the {many} error objects there, which are of "
            f"{days[0]} to {days[-1]} (UTC), of the types {types}"
        )
    retired = any(True for _ in list_keys(s3, claims.bucket, layout.retired_folder(claims.table) + prefix))
    discarded = bucket != claims.bucket
    what = "batch that Lambda discarded" if discarded else "error object"
    lines = [f"{url}: no {what} is there" + (", all of them were retired" if retired else "")]
    lines += [_top(s3, bucket)] if discarded else what_is_there(s3, bucket, prefix)
    return NothingFoundError("\n".join(lines))


def what_is_there(s3: Any, bucket: str, wanted: str) -> list[str]:
    """Return sentences that name the folders under errors/ and archive/, and the one nearest to `wanted`."""
    errors, rows = (list(list_folders(s3, bucket, root)) for root in (layout.ERRORS, layout.ARCHIVE))
    lines = [_listed(bucket, layout.ERRORS, errors), _listed(bucket, layout.ARCHIVE, rows)]
    if not errors:
        top = [each for each in list_folders(s3, bucket, "") if not layout.holds_no_errors(each)]
        if top:
            lines.append(f"s3://{bucket}/ has the folders {_some(top)}: name the right one with --prefix")
    if near := get_close_matches(wanted, errors, n=1, cutoff=0.5):
        lines.append(
            f"The nearest name is {near[0]}: --prefix {near[0]}, or the archive.toml of that table (--config)"
        )
    return lines


def _top(s3: Any, bucket: str) -> str:
    """Return a sentence that names the folders of a bucket of discarded batches."""
    folders = list(list_folders(s3, bucket, ""))
    return (
        f"s3://{bucket}/ has {_some(folders)}" if folders else f"s3://{bucket}/ has no folder (--on-failure)"
    )


def _filter_text(only: Filter) -> str:
    given = {
        "--since": only.since,
        "--until": only.until,
        "--type": only.types,
        "--code": only.codes,
        "--key-prefix": only.key_prefix,
    }
    options = [name for name, value in given.items() if value]
    return f"{' and '.join(options)} {'selects' if len(options) == 1 else 'select'}"


def _listed(bucket: str, root: str, folders: list[str]) -> str:
    if not folders:
        return f"s3://{bucket}/{root} has no folder"
    return f"s3://{bucket}/{root} has {_some(folders)}"


def _some(folders: Iterable[str]) -> str:
    names = list(folders)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
