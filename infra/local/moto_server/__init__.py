"""S3, DynamoDB, DynamoDB Streams and Kinesis over HTTP, by moto.

emulator         the child process and its clients
server_process   the program that runs there, with moto's errors worked around
forward          passes a request on to the emulator
"""
