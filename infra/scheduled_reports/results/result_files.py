"""The dated objects of a report, which a doubled run leaves as they are.

reports/TABLE/NAME/2026-11-30.csv    Athena's own file: a NULL is an empty cell, an empty text is ""
reports/TABLE/NAME/2026-11-30.json   {"report": {…}, "columns": […], "rows": [[…], …], "row_count": 2}

The CSV is written first, under a condition: it decides whose result is the report. A run that finds the CSV
of another query writes the JSON of that query. The JSON is written last, so a report that has it is complete.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from botocore.exceptions import ClientError

from ttl_archive.infra.scheduled_reports.results.result_pages import QueryResultPages, read_result

# It fits the 512 MB that a function has on its disk. Source: AWS Lambda Developer Guide, quotas.
MAX_BYTES = 400 * 1024**2
_CHUNK_BYTES = 1024**2
_RESERVE_S = 120  # for the last upload
_QUERY_ID = "query-execution-id"


class ReportError(Exception):
    """Root of the errors of the function whose texts hold nothing of an item."""


class ReportTooLargeError(ReportError):
    """The result is larger than what is copied."""


class ReportConflictError(ReportError):
    """Two runs write the same object at this moment; the state machine tries again."""


class ResultGoneError(ReportError):
    """An earlier run left the CSV without the JSON, and Athena no longer has that result."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The keys of a report; with `replace`, what is there is overwritten."""

    bucket: str
    csv: str
    json: str
    replace: bool = False


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The query whose result is the report, and its number of rows."""

    query_id: str
    row_count: int


def is_complete(s3: Any, files: ReportFiles) -> bool:
    """Whether the report is there already. Raises ClientError."""
    found = s3.list_objects_v2(Bucket=files.bucket, Prefix=files.json, MaxKeys=1)
    return any(each["Key"] == files.json for each in found.get("Contents", []))


def write_report(
    s3: Any,
    athena: Any,
    files: ReportFiles,
    query: Mapping[str, str],
    header: Mapping[str, Any],
    time_left: Callable[[], float],
) -> WrittenReport:
    """Write the objects of a query's result. `query` has its `id` and the `location` of its CSV.

    One page is in memory at a time. Raises ReportTooLargeError, ReportConflictError, ResultGoneError and
    ClientError.
    """
    query_id = _write_csv(s3, files, query, time_left)
    with _limited_file(time_left) as out:
        try:
            result = read_result(athena, query_id)
        except ClientError as error:
            if query_id == query["id"] or error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            raise ResultGoneError(
                f"s3://{files.bucket}/{files.csv} is of an earlier run, which did not write {files.json}, "
                f"and Athena has no result of its query {query_id} any more. Start the run with "
                '"again": true, which replaces both'
            ) from None
        count = _write_document(out, {**header, "query_execution_id": query_id}, result)
        _put(s3, files, files.json, out.rewound(), "application/json", query_id)
    return WrittenReport(query_id, count)


def _write_csv(s3: Any, files: ReportFiles, query: Mapping[str, str], time_left: Callable[[], float]) -> str:
    """Copy Athena's CSV unless there is one; return the query that it is from."""
    bucket, _, key = query["location"].removeprefix("s3://").partition("/")
    with _limited_file(time_left) as out:
        for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES):
            out.write(chunk)
        if _put(s3, files, files.csv, out.rewound(), "text/csv", query["id"]):
            return query["id"]
    metadata: dict[str, str] = s3.head_object(Bucket=files.bucket, Key=files.csv)["Metadata"]
    return metadata.get(_QUERY_ID, query["id"])


def _write_document(out: "_LimitedFile", header: Mapping[str, Any], result: QueryResultPages) -> int:
    """Write the JSON document; return its number of rows."""
    out.write(f'{{"report": {_json(header)},\n"columns": {_json(result.columns)},\n"rows": ['.encode())
    count = 0
    for count, row in enumerate(result.rows, 1):
        out.write(f"{',' if count > 1 else ''}\n{row}".encode())
    out.write(f'\n],\n"row_count": {count}}}\n'.encode())
    return count


def _put(s3: Any, files: ReportFiles, key: str, body: IO[bytes], content_type: str, query_id: str) -> bool:
    """Write an object; return False when there is one that is not to be replaced."""
    condition = {} if files.replace else {"IfNoneMatch": "*"}
    try:
        s3.put_object(
            Bucket=files.bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            Metadata={_QUERY_ID: query_id},
            **condition,
        )
    except ClientError as error:
        # A condition that does not hold, or two writes at once. Source: S3 User Guide, conditional writes.
        if (code := error.response["Error"]["Code"]) in ("PreconditionFailed", "412"):
            return False
        if code in ("ConditionalRequestConflict", "409"):
            raise ReportConflictError(f"s3://{files.bucket}/{key} is written by another run") from None
        raise
    return True


class _LimitedFile:
    """A file on disk that reports a result as too large before the disk is full or the time is up."""

    def __init__(self, file: IO[bytes], time_left: Callable[[], float]) -> None:
        self._file, self._time_left, self._size = file, time_left, 0

    def write(self, data: bytes) -> None:
        """Append the data. Raises ReportTooLargeError."""
        self._size += len(data)
        if self._size > MAX_BYTES:
            raise ReportTooLargeError(
                f"The result is larger than {MAX_BYTES:,} bytes. Aggregate in the report's SQL, or report a "
                "shorter period"
            )
        if self._time_left() < _RESERVE_S:
            raise ReportTooLargeError(
                "The result has more rows than can be copied in 15 minutes. Aggregate in the report's SQL, "
                "or report a shorter period"
            )
        self._file.write(data)

    def rewound(self) -> IO[bytes]:
        """Return the file from its beginning."""
        self._file.seek(0)
        return self._file


@contextmanager
def _limited_file(time_left: Callable[[], float]) -> Iterator[_LimitedFile]:
    with TemporaryFile() as file:
        yield _LimitedFile(file, time_left)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
