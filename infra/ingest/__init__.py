"""Ingestion: readings from a queue become items with a TTL stamp. Without [ingest] there is none.

queue_ingestion   the queue, its dead-letter queue, the function, and the role of an IoT rule
check_message     the command: the items that messages become, before anything is deployed
README.md         how to send readings, and what becomes of a bad message

The function's code is in transform/: it begins at ingest_handler.
"""
