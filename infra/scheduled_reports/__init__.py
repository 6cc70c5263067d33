"""[[reports]]: queries on a schedule in Athena, with their results in the archive's bucket.

report_settings     the sections of archive.toml
report_sql          the SQL of a report: a saved query, its own text, or a file; what is checked before a run
reports_machine     the state machine, in Amazon States Language
scheduled_reports   the construct: schedules, state machine, function, and their roles
results             the code of the function: the period, the files, and why a query failed
"""
