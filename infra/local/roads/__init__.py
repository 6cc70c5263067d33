"""The two roads of a table's changes into the bucket, as parts of a pipeline.

road                 what a pipeline asks of a road
local_kinesis_road   streaming destination, data stream, and a delivery stream with the transform
local_streams_road   DynamoDB stream, event source mapping, forwarder, and a delivery stream that takes puts
usage                what AWS would bill for each of them
"""
