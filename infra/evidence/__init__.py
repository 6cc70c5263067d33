"""What the items of a table say about it: `ttl-archive init`, and `ttl-archive schema infer | diff | apply`.

item_sources         a bounded sample of items: from files, or from a live table
archived_sources     the same from rows that were delivered to the bucket
live_table           what DynamoDB says about a table: keys, TTL, number of items
sample_store         the items of a sample, read once and kept aside for a second look
sample_reading       the one pass, with a progress bar
sample_options       the options that say which items and how many
attribute_evidence   one pass over a sample: types, digits and shares of every attribute, sizes of items
ttl_values           the unit of each TTL value, and whether DynamoDB would ever delete the item
refusal_forecast     what the transform would make of each item, by running it
column_names         the column name of an attribute, distinct from every other name
column_proposals     [[columns]] with types that every value of the sample fits
column_fit           whether a value fits the type of a column, by the rules of the relations
trials               the items of a sample tried with configurations
road_choice          stream, buffers and monthly cost, by the sizes of the sample
config_text          the text of archive.toml
init_command         the command ttl-archive init; init_run: its steps; init_choices: what it asks;
                     init_plan: what it decides; init_report: what it prints
schema_differences   evidence against the declared columns, and declared against deployed ones
deployed_relations   Athena: the relations as they are deployed, and how they are regenerated
schema_command       the commands ttl-archive schema infer, diff and apply; schema_run, apply_run: their steps
command_clients      AWS clients for the time of one command
"""
