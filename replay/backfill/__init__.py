"""Items of DynamoDB exports -> rows in the archive: `ttl-archive backfill`.

exported_rows         an exported item -> its row, by the transform's own writer
item_choice           which lines become rows: those of expired items, or all
backfill_file         one data file: read, verified, and its rows written
data_file_lines       its lines, verified by what the manifest says of it
backfill_record       what became of a data file, as an object in the bucket
backfill_run          the exports of a place, and all of their data files
backfill_handler      the same for a batch of data files, as a function of a Distributed Map
distributed_backfill  the same in the stack's state machine, and what it recorded
comparison            which expired items of an export the archive has; expired_keys: their keys, on disk
"""
