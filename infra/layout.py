"""Where what lies in the bucket: the prefixes of one pipeline, in Firehose's expression language.

archive/TABLE/dt=2026-11-21/                      rows
errors/TABLE/processing-failed/dt=2026-11-21/     records that failed, as Firehose writes them
source/TABLE/dt=2026-11-21/                       with source_backup: every record as it came
replay/                                           what the replay command remembers

Source of the language and of the traps: Amazon Data Firehose Developer Guide, s3-prefixes.
"""

from replay.layout import ARCHIVE, ERRORS
from transform.settings import Settings

SOURCE = "source/"
# yyyy, because YYYY is the week's year. UTC, as the date that the transform gives.
_DAY = "!{timestamp:yyyy-MM-dd}"


def archive_folder(settings: Settings) -> str:
    """Beneath it is every row of the table and nothing else, for Athena reads all of it."""
    return f"{ARCHIVE}{settings.table.name}/"


def errors_folder(settings: Settings) -> str:
    """Beneath it is every error object of the table."""
    return f"{ERRORS}{settings.table.name}/"


def source_folder(settings: Settings) -> str:
    """Beneath it is the backup of the table's source records."""
    return f"{SOURCE}{settings.table.name}/"


def prefix(settings: Settings) -> str:
    """The prefix of delivered objects.

    By event date, the hour of arrival begins the object's name: with no timestamp at all, Firehose may append
    a date of its own (sources disagree), and a folder for it would divide the day.
    """
    column = settings.output.date_column
    if settings.output.partition_by == "event":
        day = f"!{{partitionKeyFromLambda:{column}}}"
        return f"{archive_folder(settings)}{column}={day}/!{{timestamp:yyyyMMddHH}}-"
    return f"{archive_folder(settings)}{column}={_DAY}/"


def error_output_prefix(settings: Settings) -> str:
    """The prefix of error objects."""
    return f"{errors_folder(settings)}!{{firehose:error-output-type}}/dt={_DAY}/"


def source_prefix(settings: Settings) -> str:
    """The prefix of the backup of source records."""
    return f"{source_folder(settings)}dt={_DAY}/"
