"""The relation `errors`: every record that failed, with its source bytes in base64.

It reads the text table `error_files`, whose columns are what Firehose writes of a record that failed. They
are text because some samples have numbers as text, and their names are lower case, so that lambdaArn and
lambdaARN are one. Source: FDG, data delivery failure handling; SEEN in samples.
"""

from ttl_archive.infra.sql.dialect import Dialect, quoted
from ttl_archive.infra.sql.grammar import INTEGER, whole
from ttl_archive.infra.sql.text_table import ERROR_FILES

# Name in the text table -> the keys that an error line may have for it.
ERROR_KEYS: dict[str, tuple[str, ...]] = {
    "attemptsmade": ("attemptsMade",),
    "arrivaltimestamp": ("arrivalTimestamp",),
    "attemptendingtimestamp": ("attemptEndingTimestamp",),
    "errorcode": ("errorCode",),
    "errormessage": ("errorMessage",),
    "lasterrorcode": ("lastErrorCode",),
    "lasterrormessage": ("lastErrorMessage",),
    "lambdaarn": ("lambdaArn", "lambdaARN"),
    "sequencenumber": ("sequenceNumber",),
    "rawdata": ("rawData",),
}
ERROR_COLUMNS = (
    "error_output_type",
    "code",
    "message",
    "attempts_made",
    "arrival_time",
    "last_attempt_time",
    "lambda_arn",
    "sequence_number",
    "raw_data",
    "object",
    "dt",
)


def errors_sql(dialect: Dialect) -> str:
    """Return the SELECT of the relation, its columns in the order of ERROR_COLUMNS."""

    def text(expression: str) -> str:
        return dialect.cast(expression, "string")

    def time(name: str) -> str:
        milliseconds = dialect.cast(name, "bigint")
        fits = dialect.matches(name, whole("[0-9]{1,13}"))
        return f"CASE WHEN {fits} THEN {dialect.cast(dialect.time_of_ms(milliseconds), 'timestamp')} END"

    attempts = f"CASE WHEN {dialect.matches('attemptsmade', whole(INTEGER))} THEN"
    path = quoted("$path")
    expressions = (
        text(dialect.extract(path, "/([^/]+)/dt=")),
        text("coalesce(errorcode, lasterrorcode)"),
        text("coalesce(errormessage, lasterrormessage)"),
        f"{attempts} TRY_CAST(attemptsmade AS bigint) END",
        time("arrivaltimestamp"),
        time("attemptendingtimestamp"),
        text("lambdaarn"),
        text("sequencenumber"),
        text("rawdata"),
        text(path),
        text(dialect.extract(path, "/dt=([^/]+)/")),
    )
    selected = ",\n  ".join(
        f"{expression} AS {quoted(name)}" for expression, name in zip(expressions, ERROR_COLUMNS, strict=True)
    )
    return f"SELECT\n  {selected}\nFROM {ERROR_FILES}"
