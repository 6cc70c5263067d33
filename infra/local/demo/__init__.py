"""The demo: `ttl-archive demo`.

demo_command   options
demo_run       the beginning and the end: its pipeline, the page, what stays
road_stories   what it shows of each road, with progress, in order
scenario       what it runs on: its own readings, or the user's items
readings       its own items; mixed_items, a table of mixed item types for init and --table-file
table_files    the user's items
roads          the ways into the archive that it can show
story          what happens, step by step, on a running pipeline
export_story   the same for --road export; export_ledger, what must add up there
history_story  the same for --road history, with its ledger
ingest_story   how readings come in by a queue, for --road ingest
report         what was found, as one value; ledger, the part of it that must add up
archive_page   the page of `ttl-archive report` about its archive
screen         how it is shown at 80 columns
serve          a demo that is left running; ask, how it is reached
"""
