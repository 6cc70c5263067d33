"""The mutants of the commands' answers and of restore's readers, each a defect that somebody could notice.

The mutants of claims, sinks and retrievals are in `replay_mutants`.
"""

from tests.mutants.mutant import Mutant


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    named = tuple(test if test.startswith("tests/") else f"tests/replay/{test}" for test in tests)
    return Mutant(name, file, old, new, named)


# What a stage is bound to, and who may use it.
_STAGE = (
    _mutant(
        "two Regions share a stage",
        "replay/restore/restore_request.py",
        '"region": meta.region_name',
        '"region": ""',
        "restore/test_restore_request.py::test_each_of_these_makes_it_another_restore",
    ),
    _mutant(
        "an object that was deleted comes back from the stage",
        "replay/restore/restore_run.py",
        "        self._drop_changed(objects)\n",
        "",
        "restore/test_restore_command.py::test_an_object_that_was_deleted_since_is_not_restored",
    ),
    _mutant(
        "a stage that another process has is an error without a reason",
        "replay/restore/stage.py",
        "if error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY:",
        "if False:",
        "restore/test_stage.py::test_only_one_process_has_a_stage_open",
    ),
    _mutant(
        "a full disk cannot be rolled back",
        "replay/restore/stage.py",
        "if self._db.in_transaction:",
        "if True:",
        "restore/test_stage.py::test_a_full_disk_is_reported_with_the_folder_and_nothing_half_staged",
    ),
    _mutant(
        "a part of a file is left after an error",
        "replay/restore/output_file.py",
        "            part.unlink(missing_ok=True)\n",
        "",
        "restore/test_restore_command.py::test_an_error_while_writing_leaves_no_part_and_the_next_run_resumes",
    ),
    _mutant(
        "everybody can read what is restored",
        "replay/restore/output_file.py",
        "os.fchmod(descriptor, 0o600)",
        "os.fchmod(descriptor, 0o644)",
        "restore/test_restore_command.py::test_only_the_owner_can_read_the_output",
    ),
)

# Readers that are total and linear.
_READERS = (
    _mutant(
        "a damaged line ends a restore",
        "replay/restore/archived_rows.py",
        "            yield BadLine(line_number, error.code)\n",
        "            raise ValueError(error.code) from error\n",
        "restore/test_hostile_archives.py::test_a_bad_line_is_named_and_the_next_one_is_restored",
        "restore/test_restore_command.py::test_a_bad_line_is_named_and_the_rest_is_restored",
    ),
    _mutant(
        "a time of any size is read",
        "replay/restore/archived_rows.py",
        "not 0 <= event_us <= _LAST_US:",
        "False:",
        "restore/test_hostile_archives.py::test_a_bad_line_is_named_and_the_next_one_is_restored",
    ),
    _mutant(
        "gzip is inflated in one piece",
        "replay/gunzip.py",
        "output = inflate.decompress(data, CHUNK_BYTES)",
        "output = inflate.decompress(data)",
        "restore/test_hostile_archives.py::test_no_chunk_is_larger_than_a_mebibyte",
    ),
    _mutant(
        "a line may have any length",
        "replay/restore/row_lines.py",
        "            if size > LINE_BYTES:\n",
        "            if False:\n",
        "restore/test_hostile_archives.py::test_a_line_of_300_mb_in_a_small_gzip_takes_bounded_memory",
    ),
    _mutant(
        "LIKE searches a part more than once",
        "replay/restore/comparisons.py",
        "found = found and part.search(text, found.end())",
        "found = found and part.search(text) and part.search(text, found.end())",
        "restore/test_row_filter.py::test_like_does_one_search_for_each_part_whatever_the_text",
    ),
    _mutant(
        "an unfinished error line is searched again with each chunk",
        "replay/error_objects/error_lines.py",
        "look_at = max(_UNBROKEN_BYTES, 2 * tail.size)",
        "look_at = _UNBROKEN_BYTES",
        "error_objects/test_hostile_lines.py"
        "::test_no_byte_without_a_line_end_is_looked_at_more_than_a_few_times",
    ),
    _mutant(
        "a damaged error line is decoded again with each brace",
        "replay/error_objects/error_lines.py",
        "            if not _decoded(content):\n                break\n",
        "            if not _decoded(content):\n                continue\n",
        "error_objects/test_hostile_lines.py"
        "::test_no_byte_without_a_line_end_is_looked_at_more_than_a_few_times",
    ),
    _mutant(
        "a claim is not renewed within a long line",
        "replay/replay_object.py",
        "            self._checkpoint()\n            yield chunk\n",
        "            yield chunk\n",
        "test_faults.py::test_a_claim_is_renewed_by_time_while_one_line_is_read",
    ),
)

# Nothing found, causes, and what to do about them.
_ANSWERS = (
    _mutant(
        "a list of nothing is a success",
        "replay/commands/list.py",
        "        raise nothing_found(place.claims, place.prefix, only, bucket)\n",
        "        pass\n",
        "commands/test_commands.py::test_nothing_found_is_an_answer_of_its_own_that_says_what_is_there",
    ),
    _mutant(
        "a restore of nothing is a success",
        "replay/restore/restore_report.py",
        "return DONE if self.counts.items else NOTHING_FOUND",
        "return DONE",
        "restore/test_restore_command.py::test_nothing_found_is_an_answer_of_its_own_and_says_what_is_there",
    ),
    _mutant(
        "a list of objects has no keys",
        "replay/commands/list.py",
        "        click.echo(show.printable(each.object.key))\n",
        "",
        "commands/test_commands.py::test_a_list_of_objects_names_each_by_its_key",
    ),
    _mutant(
        "a cause names no attribute",
        "replay/commands/causes_report.py",
        'where = f" at {cause.attribute}" if cause.attribute else ""',
        'where = ""',
        "commands/test_commands.py::test_a_cause_is_printed_with_its_attribute",
    ),
    _mutant(
        "a collision has nothing to paste",
        "replay/remedies.py",
        'if cause.code != "ColumnCollision" or not free',
        "if True or not free",
        "test_causes.py::test_what_to_paste_into_the_settings_delivers_the_record",
        "commands/test_story.py::test_a_newcomer_closes_a_ledger_of_ten_causes",
    ),
    _mutant(
        "a refused object is retired",
        "replay/retirement.py",
        "_CAN_RETIRE = (State.DONE,",
        "_CAN_RETIRE = (State.DONE, State.REFUSED,",
        "commands/test_commands.py::test_done_objects_are_retired_only_on_request_and_refused_ones_are_not",
    ),
    _mutant(
        "a waiver does not say by whom",
        "replay/waiver.py",
        "Waiver(by, claims.now(), reason",
        'Waiver("", claims.now(), reason',
        "test_states.py::test_a_waiver_records_who_when_why_and_the_hash_of_the_record",
    ),
    _mutant(
        "a filter is checked after the retrieval",
        "replay/restore/restore_run.py",
        "request.selection.resolve(datetime.now(UTC)).matcher(request.place.settings)  #",
        "pass  #",
        "restore/test_restore_command.py::test_a_mistake_is_reported_before_a_retrieval_is_requested",
    ),
    _mutant(
        "an output is checked after the retrieval",
        "replay/restore/restore_run.py",
        "        check_output(request.options.out)\n",
        "        pass\n",
        "restore/test_restore_command.py::test_a_mistake_is_reported_before_a_retrieval_is_requested",
    ),
    _mutant(
        "an expired token is not explained",
        "replay/aws.py",
        '    "ExpiredToken": (AccessDeniedError, _EXPIRED),\n',
        "",
        "test_states.py::test_without_an_identity_nothing_is_waived",
    ),
    _mutant(
        "a HEAD that was refused is not explained",
        "replay/aws.py",
        '    "400": (\n',
        '    "4000": (\n',
        "test_aws.py::test_an_error_of_the_service_says_what_to_do",
    ),
    _mutant(
        "an address of a bucket is no bucket",
        "replay/commands/options.py",
        'if text.startswith("s3://"):',
        "if False:",
        "commands/test_commands.py::test_a_bucket_may_be_given_as_an_s3_url",
        "restore/test_restore_command.py::test_a_bucket_may_be_an_address",
    ),
)

# How answers are written.
_FORMS = (
    _mutant(
        "a report is wider than the terminal",
        "replay/commands/show.py",
        "width = min(shutil.get_terminal_size().columns, 100)",
        "width = 100",
        "commands/test_story.py::test_at_80_columns_only_keys_and_commands_are_longer_and_no_value_is_shown",
    ),
    _mutant(
        "times in JSON are not ISO 8601",
        "replay/commands/show.py",
        "return moment(value) if isinstance(value, datetime) else str(value)",
        "return str(value)",
        "commands/test_commands.py::test_times_in_json_are_iso_8601",
    ),
    _mutant(
        "a reader that stops reading is an error",
        "replay/commands/options.py",
        "            _close_stdout()\n            sys.exit(0)\n",
        "            _close_stdout()\n            sys.exit(1)\n",
        "commands/test_commands.py::test_a_reader_that_stops_reading_is_no_error",
    ),
    _mutant(
        "a command has another way to name the settings file",
        "infra/check_config.py",
        '@click.option("--config", type',
        '@click.option("--file", "config", type',
        "tests/infra/test_cli.py"
        "::test_every_command_takes_the_settings_file_as_config_and_none_as_an_argument",
    ),
    _mutant(
        "a byte order mark is a mistake in the settings",
        "transform/settings.py",
        'encoding="utf-8-sig"',
        'encoding="utf-8"',
        "tests/transform/test_settings.py::test_a_file_with_a_byte_order_mark_is_read",
    ),
    _mutant(
        "shards of a stream on demand are accepted",
        "infra/deploy_conflicts.py",
        'deploy.stream_mode == "on-demand" and deploy.shards != 1',
        "False",
        "tests/infra/test_deploy_settings.py::test_contradicting_keys_are_refused",
    ),
    _mutant(
        "the records of two tables have one folder",
        "transform/layout.py",
        'return f"{ROOT}table={table}/"',
        "return ROOT",
        "tests/transform/test_layout.py::test_what_the_commands_record_is_under_the_tables_own_folder",
    ),
    _mutant(
        "a formula is not guarded",
        "replay/restore/item_files.py",
        "_guarded_cell if guard else _cell",
        "_cell",
        "restore/test_restore_command.py::test_csv_for_a_spreadsheet_is_guarded",
    ),
    _mutant(
        "a record that names no table is of another",
        "transform/convert.py",
        "change.table() not in (table.name, None)",
        "change.table() != table.name",
        "test_states.py::test_a_record_that_names_no_table_counts_as_the_tables_own",
    ),
    _mutant(
        "two changes of one second are one in a restore",
        "replay/restore/item_extraction.py",
        "if row.event_us % _MICROSECONDS == 0:",
        "if False:",
        "restore/test_restore_command.py"
        "::test_an_item_that_changed_to_and_fro_within_a_second_of_the_streams_feed_keeps_every_change",
    ),
    _mutant(
        "two changes of one second are one in SQL",
        "infra/sql/change_identity.py",
        "THEN ddb_event_id END",
        "THEN '' END",
        "tests/infra/sql/test_change_identity.py"
        "::test_on_the_streams_feed_the_event_id_tells_two_changes_of_one_second_apart",
    ),
    _mutant(
        "an event id with a newline changes in CSV",
        "transform/rows.py",
        'if "\\n" in change.event_id or "\\r" in change.event_id:',
        "if False:",
        "restore/test_item_files.py::test_an_event_id_with_a_newline_round_trips_through_csv",
    ),
    _mutant(
        "a sealed object may have another content",
        "infra/verify/day_seals.py",
        '"its content changed" if now.etag != before.etag else ""',
        '""',
        "tests/infra/verify/test_day_seals.py"
        "::test_each_change_of_a_sealed_day_is_named_after_its_older_version_has_expired",
    ),
    _mutant(
        "a seal is written without a condition",
        "infra/verify/seal_document.py",
        "Payload.of(content), ABSENT, _JSON",
        "Payload.of(content), {}, _JSON",
        "tests/infra/verify/test_day_seals.py::test_a_seal_is_never_replaced_by_another_run",
    ),
)

COMMANDS = (*_STAGE, *_READERS, *_ANSWERS, *_FORMS)
