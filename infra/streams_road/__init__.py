"""The Streams road: the table's own stream, filtered at the source, to a delivery stream by Direct PUT.

module              what it has
streams_road        the road: the parts below, and the delivery stream
forwarding          the forwarder function, and the event source mapping that calls it
failure_bucket      the bucket for batches that Lambda gives up
streams_alarms      the alarms of the forwarder and its delivery stream
mapping_alarms      the alarms for a mapping that does not work
streams_roles       the IAM statements of the three parts
"""
