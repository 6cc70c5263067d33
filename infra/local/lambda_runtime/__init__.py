"""A Lambda function in its own process, run by AWS's own runtime client.

runtime_client   the process, its invocations and its replacement after a failure
runtime_api      the HTTP server that the runtime client asks for work
"""
