"""What moto's DynamoDB lacks: the TTL process, the Kinesis streaming destination, and exports to S3.

ttl                     tables with TTL, and the sweep of expired items
change_record           a DynamoDB Streams record as a change record of the Kinesis feed
streaming_destination   replicates a table's changes to a data stream
table_export            an export's files as DynamoDB writes them
"""
