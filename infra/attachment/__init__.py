"""The custom resource that attaches a table to a Kinesis data stream; its own small Lambda, boto3 only.

destination    attach and detach, idempotent, waiting for DynamoDB
ttl            what the table's TTL is set to
answer         the answer that CloudFormation waits for
handler        the entry that Lambda calls
"""
