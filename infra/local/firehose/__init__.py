"""A strict Amazon Data Firehose on one machine, usable alone; README.md says what it does and refuses.

The folder imports nothing of this project outside itself.

    service                 the operations, and `poll` and `flush`, which do the work
    puts                    PutRecord and PutRecordBatch
    managed_stream          a delivery stream with its tags, encryption and status
    delivery_stream         reads, transforms, partitions, delivers and counts
    source                  Direct PUT, and the shards of a Kinesis data stream; source_opening: at creation
    checkpoints             how far each shard was stored
    batches                 records waiting for the function
    processing              the function's event, its retries, and what its response means
    function                what counts as a function; one that runs in this process
    partitioning            dynamic partitioning
    metadata_extraction     partition keys by a jq query
    s3_delivery             buffers, object keys, puts
    compression             what each CompressionFormat stores
    error_objects           the lines of error objects
    prefixes                the expressions of S3 prefixes
    date_patterns           Java's date patterns
    configuration           a checked configuration
    configuration_members   what its members say, with their defaults
    configuration_rules     the rules between its members
    request_model           requests checked against AWS's service model
    description             DescribeDeliveryStream and UpdateDestination
    tags, encryption        what these operations keep
    control_limit           five control calls a second
    service_error           the error of every operation
    template                a delivery stream from a CloudFormation template
    clock                   the clock that everything follows
    http_server             a loopback HTTP server
    http_endpoint           the API over HTTP
    memory_s3               a bucket in memory
    pytest_fixture          the fixture `local_firehose` for other projects
"""
