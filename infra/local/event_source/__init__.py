"""A strict Lambda event source mapping on one machine, usable with or without the rest of this project.

The folder imports nothing of this project but itself and `infra/local/firehose`, whose clock and functions it
shares.

    record_filter       FilterCriteria: which records reach the function
    patterns            filter patterns: their structure, and how an event matches
    pattern_operators   the operators of patterns, such as prefix and numeric
"""
