"""A strict Lambda event source mapping on one machine; README.md says what it does and what is not known.

The folder imports nothing of this project but itself and `infra/local/firehose`, whose clock and functions it
shares.

    mapping_service        the operations, and `poll` and `flush`, which do the work
    mapping                one mapping: the pollers of its shards
    mapping_configuration  the members of CreateEventSourceMapping, checked
    shard_poller           reads a shard and filters its records
    batch_queue            the records of some items of a shard: when a batch is made, and when it is tried
    batch_processor        invokes the function; acknowledges, splits, retries or discards
    function_response      what a response means
    on_failure             the object of the on-failure destination
    counts                 what became of the records, and what it cost
    faults                 how a test makes a mapping fail
    stream                 what can be read: shards, positions, records
    memory_stream          a stream in memory
    dynamodb_stream        the DynamoDB Streams API
    record_filter          FilterCriteria: which records reach the function
    patterns               filter patterns: their structure, and how an event matches
    pattern_operators      the operators of patterns, such as prefix and numeric
"""
