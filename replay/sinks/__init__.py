"""Where records go.

sink         what every sink does, and the ledger of one object
registry     the sinks by name
s3_sink      rows into the archive, under names that a second run overwrites
stream_sink  source records into a data stream or a delivery stream
spool        rows by date, in bounded memory
"""
