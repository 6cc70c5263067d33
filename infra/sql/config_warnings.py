"""What `check-config` says about SQL: choices that are allowed, and what they give up."""

from ttl_archive.transform.settings import Settings

_ENVELOPE = (
    '[output] row is "envelope": keys, new_image and old_image are JSON. On one machine each of them is NULL '
    "in a row where a number in it has more digits than a double, and the saved query misfits counts it. "
    "Athena reads every digit"
)
_NO_IMAGE = (
    "[output] image is false: on one machine a number is NULL in its column where its digits cannot be read "
    "with certainty, and so is a map or list with such a number. The saved query misfits counts both. "
    "A column that is renamed is NULL in older rows. Set image = true to have every value exact"
)
_PARQUET = (
    "[deploy] parquet is true: ttl-archive restore does not read Parquet, and replay sends records through "
    "the stream"
)
_PARQUET_NO_IMAGE = (
    "[deploy] parquet is true and [output] image is false: Firehose converts numbers, and whether it keeps "
    "every digit is not documented. Set image = true"
)
_NO_KEYS = (
    "[table] keys is not given: the relation archive_latest, the newest change of each key, cannot be queried"
)


def config_warnings(settings: Settings, *, parquet: bool) -> list[str]:
    """Return one sentence for each choice that makes an answer of SQL less than exact, or impossible."""
    output, is_envelope = settings.output, settings.output.row == "envelope"
    without_image = output.format == "jsonl" and not output.image
    checks = {
        _ENVELOPE: is_envelope,
        _NO_IMAGE: without_image and not is_envelope,
        _PARQUET: parquet,
        _PARQUET_NO_IMAGE: parquet and without_image,
        _NO_KEYS: not settings.table.keys and not is_envelope,
    }
    return [text for text, applies in checks.items() if applies]
