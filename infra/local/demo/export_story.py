"""The demo's other story: a table whose items expired before its changes were archived, and its export.

The items expire and TTL has not removed them yet. The table is exported, `backfill` archives what had
expired, and a comparison says what is missing. Then TTL removes the items, and SQL shows each of them once.
The export is written by `dynamodb/table_export`, because the emulator's own has no manifests.
"""

from datetime import timedelta
from typing import Any

from ttl_archive.infra.local.demo.export_ledger import ExportLedger
from ttl_archive.infra.local.demo.story import fix_and_replay
from ttl_archive.infra.local.dynamodb.table_export import TableExport, full_line
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.replay.backfill.backfill_file import BackfillRun
from ttl_archive.replay.backfill.backfill_run import BackfillSummary, find_exports, run_backfill
from ttl_archive.replay.backfill.comparison import Comparison, compare_exports
from ttl_archive.replay.backfill.item_choice import Choice
from ttl_archive.replay.items.export_manifest import Export
from ttl_archive.transform.layout import exports_folder


class ExportStory:
    """The steps, on a running pipeline whose table has its items."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._exports: tuple[Export, ...] = ()
        self._removed = self._failed = 0

    def export_table(self, passing: timedelta) -> int:
        """Let time pass without TTL, and export the table; return the number of exported items."""
        pipeline = self._pipeline
        pipeline.clock.advance(passing)
        pages = pipeline.dynamodb.get_paginator("scan").paginate(TableName=pipeline.table)
        lines = [full_line(item) for page in pages for item in page["Items"]]
        prefix = exports_folder(pipeline.settings).rstrip("/")
        export = TableExport(pipeline.table, pipeline.clock.now(), prefix, pipeline.bucket)
        for key, body in export.objects(lines).items():
            pipeline.s3.put_object(Bucket=pipeline.bucket, Key=key, Body=body)
        place = f"s3://{pipeline.bucket}/{prefix}/"
        self._exports = find_exports(place, self._client, pipeline.settings)
        return len(lines)

    def backfill(self) -> BackfillSummary:
        """Archive what had expired, as `ttl-archive backfill` does."""
        pipeline = self._pipeline
        run = BackfillRun(pipeline.s3, pipeline.bucket, pipeline.settings, Choice.EXPIRED)
        return run_backfill(run, self._exports)

    def compare(self) -> Comparison:
        """Compare the export with the archive, as `ttl-archive backfill --compare` does."""
        pipeline = self._pipeline
        return compare_exports(pipeline.s3, pipeline.bucket, pipeline.settings, self._exports)

    def remove_expired(self) -> int:
        """Let TTL remove what had expired, and deliver it; return the number of removed items."""
        self._removed = len(self._pipeline.sweep())
        self._pipeline.flush()
        self._failed = sum(self._pipeline.ledger().firehose.failed.values())
        return self._removed

    def fix(self) -> BackfillSummary:
        """Give the second attribute a column of its own; replay and backfill what was refused."""
        self._failed -= fix_and_replay(self._pipeline).tally.rows
        return self.backfill()

    def ledger(self, backfilled: BackfillSummary) -> ExportLedger:
        """Count the lines of the export and the rows of the archive."""
        tally = backfilled.tally
        return ExportLedger(
            tally.lines,
            tally.rows,
            sum(tally.left.values()),
            sum(tally.refused.values()),
            self._removed,
            self._failed,
            self._count("archive"),
            self._count("archive_unique"),
            self._count("archive_unique WHERE ddb_event_name = 'EXPORT'"),
        )

    def _count(self, rows: str) -> int:
        ((number,),) = self._pipeline.sql(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608  our text
        return int(number)

    def _client(self, service: str) -> Any:
        return {"s3": self._pipeline.s3}[service]
