"""Questions to the archive: the command `query`, and what it shares with other commands.

module            subject
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
        create_relations(connection, *folder_files(folder, settings).readable(), settings)
        run_in_engine(connection, "SELECT …").rows
"""
