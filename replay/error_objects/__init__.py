"""Reading what Firehose left under the error output prefix.

objects         error objects: listed, and read as a stream
error_lines     the bytes of an object -> its failed records
discarded_batch a batch of DynamoDB Streams in Lambda's on-failure destination -> its records
survey          every object under a prefix with its state
failure_counts  counts by day, type, code and state
forecast        what today's transform would do with all records, and why
inspection      one record for people
whereabouts     what there is, when nothing was found
"""
