"""What an archive of a table costs, and which road, buffers and storage fit: `ttl-archive advise`.

table_rates       the changes and expiries of a table: given, or read from CloudWatch
advice            what follows: volumes, objects, and the monthly cost of each road
storage_choices   the cost of what is kept, by storage class and retention
alternatives      other ways to keep expired items, and what they cost
unverified        which amounts have a price that is UNVERIFIED
size_tables       the two tables of costs that the README has
advise_report     what the command prints
advise_command    the command: options and help; advise_steps: what it does
"""
