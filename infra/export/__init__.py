"""[export]: exports of the table on a schedule, full or incremental, into the archive's bucket.

export_settings     the section of archive.toml
export_machine      the state machine, in Amazon States Language
scheduled_export    the construct: schedule, state machine, function, and their roles
backfill_map        backfill of a large export: a Distributed Map over its data files
windows             the code of the function: which window is exported next, and what it remembers
"""
