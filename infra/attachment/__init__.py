"""The custom resources of the stack, as small Lambda functions that need boto3 and nothing else.

attach                   attach a table to a stream and detach it: idempotent, waits for DynamoDB
attach_handler           entry: the streaming destination
ttl_check                the state of the table's TTL
layout_rules             which changes of the layout are refused, and the way out of each
deployed_layout          the layout that is deployed, read from the record, Firehose, Glue or objects
preflight                what is checked before anything is created; key_policy: the policy of a key
source_stream            find the table's own stream, or turn it on; stream_handler: its entry
deployed_road            whether a road still holds changes: drained for Kinesis, forwarded for Streams
metric_series            the metrics from which that is concluded
leaving_road             why a road may not leave the stack yet
guard_handler            entry: the layout guard, the layout record and the drain guard
custom_resource          the entry that all of them share: run one request and respond, whatever happens
cloudformation_response  the response that CloudFormation waits for
"""
