"""S3, DynamoDB, DynamoDB Streams and Kinesis over HTTP, by moto.

emulator         the child process and its clients
server_process   the program that runs there, with moto's errors worked around
dynamodb_values  makes moto's scans faster
kinesis_records  the maximum record size of a data stream
forward          passes a request on to the emulator
"""
