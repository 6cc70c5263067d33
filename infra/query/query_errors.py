"""What can go wrong with a question to the archive, grouped by what the user does next.

QueryError
├── WrongSqlError       fix the SQL; the text shows the place (exit 2)
├── RefusedHereError    only Athena answers this: --on athena (exit 2)
├── MissingExtraError   install the extra that the text names (exit 2)
├── ScanLimitError      read less, or raise the limit of the workgroup
├── CancelledError      the query was cancelled, by Ctrl-C or by somebody else
└── QueryFailedError    the engine could not answer; the text has its reason and what to do
"""

from ttl_archive.transform.errors import ArchiveError


class QueryError(ArchiveError):
    """Root of the errors of a query; the text is meant for people."""


class WrongSqlError(QueryError):
    """The SQL cannot be run anywhere: its syntax, or a name in it, is wrong."""


class RefusedHereError(QueryError):
    """The SQL may be right, but the embedded engine is not known to answer it as Athena does."""


class MissingExtraError(QueryError):
    """A package of an extra is not installed; the text has the command that installs it."""


class ScanLimitError(QueryError):
    """Athena stopped the query at the scan limit of its workgroup."""


class CancelledError(QueryError):
    """The query was cancelled before it had an answer."""


class QueryFailedError(QueryError):
    """The engine failed; the text has its reason."""


def refused_here(what: str, place: str = "") -> RefusedHereError:
    """Return the error of something that only Athena answers."""
    return RefusedHereError(
        f"Only Athena answers {what}: the embedded engine is not known to do it alike. Use --on athena{place}"
    )
