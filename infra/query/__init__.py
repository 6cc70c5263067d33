"""Questions to the archive: the command `query`, and what it shares with other commands.

module            subject
query_command     the command: its options and help; query_options: those that other modules need
query_answers     the question, its place, and how the answer is written
open_place        which place answers: --on, with the bucket, the workgroup and the packages that it needs
query_places      the places: Athena, and the engine over a bucket or a folder
query_prompt      queries on a terminal, with history (extra [sql])
coverage          what a query reads, and what it does not see
date_range        dates of folders, as the filters of a query select them
output_formats    the answer as a table, CSV, JSON lines or a JSON document
parquet_file      the answer as Parquet (extra [sql])
athena_progress   the progress of a query in Athena, on a terminal
query_result      the answer: columns with types, exact values, rows that are fetched while they are read
athena_runner     a query in Athena: started, waited for, cancelled, its results page by page
athena_failures   Athena's reasons in words that a user can act on
athena_values     Athena's texts as values
scan_cost         what a query reads in Athena, and what it costs
engine            DuckDB with the relations over delivered files (extra [sql])
stored_files      the files that a query can read, in a bucket or in a folder
translation       Athena's SQL for the engine: a closed list (extra [sql])
sql_place         a place in SQL, and names that are close to a wrong one
query_errors      what can go wrong, and what to do next

In code:

    AthenaRunner(clients("athena"), deploy.stack_name, deploy.database).run("SELECT …").rows

    with open_engine() as connection:
        answer_from_files(connection, folder_files(folder, settings).readable(), settings, "SELECT …").rows
"""
