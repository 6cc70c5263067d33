"""A restore from its selection to its end: retrieve, stage, write. Each step resumes after a kill."""

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import FAILED
from ttl_archive.replay.commands.progress import counter
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.restore.archive_listing import ArchivedObject, find_archived
from ttl_archive.replay.restore.item_extraction import ItemExtractor
from ttl_archive.replay.restore.item_rebuild import inexactness
from ttl_archive.replay.restore.nothing_found import explain_no_objects, explain_no_rows, names_not_found
from ttl_archive.replay.restore.output_file import check_output
from ttl_archive.replay.restore.restore_report import (
    NOT_ALL,
    make_report,
    print_report,
)
from ttl_archive.replay.restore.restore_request import RESUME_WITHIN, RestoreRequest, stage_path
from ttl_archive.replay.restore.retrieval_steps import make_readable
from ttl_archive.replay.restore.stage import Stage
from ttl_archive.replay.restore.write_steps import write_staged


def run_restore(request: RestoreRequest, stop: Event) -> int:
    """Retrieve, stage and write; return the exit code.

    Raises MisuseError for what can be known beforehand, before a retrieval is requested; ReplayError.
    """
    request.selection.resolve(datetime.now(UTC)).matcher(request.place.settings)  # a mistake in the filter
    if request.options.out:
        check_output(request.options.out)
    with Stage(stage_path(request.options.work, request.identity())) as stage:
        begun = _begin(stage, request)
        is_over = False
        try:
            code, is_over = _Restore(request, stage, begun, stop).run()
        finally:
            if is_over or not stage.staged_objects():
                stage.remove()  # the same command is a restore of its own next time
        return code


def _begin(stage: Stage, request: RestoreRequest) -> datetime:
    """Return when the restore began: now, or when the run began that this one resumes."""
    now = datetime.now(UTC)
    text = stage.begun_at()
    begun = datetime.fromisoformat(text) if text else now
    if text and stage.staged_objects():
        is_stale = request.is_relative and now - begun > RESUME_WITHIN
        if not is_stale:
            show.note(f"Resuming the restore that began at {begun:%Y-%m-%d %H:%M:%S} UTC.")
            return begun
        show.note(
            f"An unfinished restore from {begun:%Y-%m-%d %H:%M} UTC is too old to resume; starting over."
        )
    stage.begin(now.isoformat())
    return now


class _Restore:
    """The steps of one restore. `begun` is what relative times count from."""

    def __init__(self, request: RestoreRequest, stage: Stage, begun: datetime, stop: Event) -> None:
        self._request, self._stage, self._begun, self._stop = request, stage, begun, stop
        self._options, self._s3 = request.options, request.place.s3
        self._settings = request.place.settings
        self._selection = request.selection.resolve(begun)

    def run(self) -> tuple[int, bool]:
        """Return the exit code, and whether nothing is left to resume."""
        place, prefix = self._request.place, self._request.prefix
        listing = find_archived(self._s3, place.bucket, prefix, self._settings, self._selection)
        if not listing.objects:
            self._drop_changed([])
            return self._finish(0, explain_no_objects(self._s3, place.bucket, prefix, listing))
        objects = [each for each in listing.objects if not each.is_parquet]
        unread = len(listing.objects) - len(objects)
        if unread:
            show.note(f"{unread:,} objects are Parquet or ORC, which this command does not read. Use Athena")
        self._drop_changed(objects)
        if any(each.is_in_glacier for each in objects):
            self._note_unknown_columns()
        staged = self._stage.staged_objects()
        unstaged = [each for each in objects if each.key not in staged]
        if not make_readable(self._s3, unstaged, self._options, self._stop):
            return NOT_ALL, False
        if not self._stage_objects(objects):
            show.note("Stopped. Run the same command to resume.")
            return FAILED, False
        self._check_exactness()
        if not self._options.dry_run and self._stage.counts().items:
            write_staged(self._stage, self._request, self._begun, self._stop)
        return self._finish(unread, [])

    def _finish(self, unread: int, explanations: list[str]) -> tuple[int, bool]:
        if not explanations and not self._stage.counts().items:
            explanations = explain_no_rows(self._stage, self._selection, self._settings)
        report = make_report(self._stage, self._request, unread, explanations)
        print_report(report, self._request)
        is_kept = self._options.dry_run and report.counts.items  # for the run that writes
        return report.exit_code, not report.left and not is_kept

    def _note_unknown_columns(self) -> None:
        """Note names in the selection that archive.toml does not have, before a retrieval costs money."""
        known = {*self._settings.row_columns, *(column.path[0] for column in self._settings.columns)}
        unknown = [name for _, name in names_not_found(self._selection, self._settings, known)]
        if unknown:
            names = ", ".join(unknown)
            show.note(
                f"{names}: no column of archive.toml, so only rows with an attribute of that name match."
            )

    def _drop_changed(self, objects: Sequence[ArchivedObject]) -> None:
        """Forget what is staged when one of its objects was deleted or written again since."""
        listed = {each.key: each.etag for each in objects}
        staged = self._stage.staged_objects()
        changed = [key for key, etag in staged.items() if listed.get(key) != etag]
        if changed:
            show.note(
                f"{len(changed):,} of {len(staged):,} staged objects were deleted or written again since, "
                f"for example {changed[0]}. Everything is staged again."
            )
            self._stage.begin(self._begun.isoformat())

    def _stage_objects(self, objects: Sequence[ArchivedObject]) -> bool:
        """Stage every object that is not staged yet; return False when stopped."""
        keys = self._request.table.keys if self._request.table else ()
        extractor = ItemExtractor(
            self._s3, self._settings, self._selection, wants_items=self._options.wants_items, keys=keys
        )
        staged = self._stage.staged_objects()
        with counter("Reading", len(objects)) as progress:
            for number, archived in enumerate(objects, 1):
                if self._stop.is_set():
                    return False
                if archived.key not in staged:
                    self._stage.add_object(archived, extractor.rows(archived))
                progress(number, len(objects))
        return True

    def _check_exactness(self) -> None:
        inexact = self._stage.counts().inexact
        if inexact and not self._options.inexact:
            raise MisuseError(
                f"{inexact:,} items have no image in their rows ([output] image was false), so they cannot "
                f"be restored exactly: {'; '.join(inexactness(self._settings))}. To restore them like this, "
                "add --inexact. To have their rows as they are: --format jsonl --out FILE"
            )
