"""What moto's DynamoDB lacks: the TTL process, the streaming destination, a stream like AWS's, and exports.

ttl                     tables with TTL, and the sweep of expired items
swept_table             one table with its sweep, announced to the roads
ttl_metric              its count of deletions, in the emulator's CloudWatch
table_changes           the changes of a table, each with its kind
change_record           a DynamoDB Streams record as a change record of the Kinesis feed
streaming_destination   replicates a table's changes to a data stream; streaming_api: its operations
table_stream            a table's DynamoDB stream, for event source mappings
table_export            an export's files as DynamoDB writes them
"""
