"""The classes by which Athena reads delivered files and error objects, with their properties.

Source: Athena User Guide, supported SerDes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ttl_archive.infra.sql.text_table import archive_text_columns
from ttl_archive.transform.settings import Settings

_OPENX = "org.openx.data.jsonserde.JsonSerDe"
_OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"


@dataclass(frozen=True, slots=True)
class Serde:
    """A class of Hive, and its properties."""

    library: str
    parameters: Mapping[str, str]


def archive_serde(settings: Settings) -> Serde:
    """Return the class that reads delivered files of JSONL or CSV."""
    if settings.output.format == "csv":
        return Serde(_OPEN_CSV, {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"})
    return Serde(
        _OPENX,
        {
            # With case insensitivity two attributes whose names differ by case alone would fail the query,
            # and the JSON text of maps would be in lower case.
            "case.insensitive": "false",
            "dots.in.keys": "false",
            # A broken line is a row of NULLs, which the relations leave out and broken_lines finds. An error
            # would hide the day's whole rows, and would not say where the line is.
            "ignore.malformed.json": "true",
            **{f"mapping.{column.name}": column.key for column in archive_text_columns(settings)},
        },
    )


def error_serde() -> Serde:
    """Return the class that reads error objects; case does not count: lambdaArn and lambdaARN are one."""
    return Serde(_OPENX, {"case.insensitive": "true", "ignore.malformed.json": "true"})
