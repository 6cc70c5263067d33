"""The custom resources of the stack, as small Lambda functions that need boto3 and nothing else.

attach                   attach a table to a stream and detach it: idempotent, waits for DynamoDB
attach_handler           entry: the streaming destination
ttl_check                the state of the table's TTL
custom_resource          the entry that all of them share: run one request and respond, whatever happens
cloudformation_response  the response that CloudFormation waits for
"""
