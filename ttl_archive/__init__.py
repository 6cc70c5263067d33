"""Keep what DynamoDB lets expire: one import name for three rooms.

transform   the functions that move data: change records in, rows out
replay      the operator's commands over the bucket: error objects, restore
infra       what is deployed in AWS, and `infra.local`, the same pipeline on one machine

In the repository, the rooms are top-level folders, and the folder of this file holds links to them.
"""
