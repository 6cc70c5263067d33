"""The code of the transform function, from a Firehose batch to rows.

handler     the batch: one loop over records, one answer for each, one log line
records     bytes -> change record; which changes are kept, and by which rule the others are dropped
flatten     image of attribute values -> plain values under column names; numbers stay text
formats     row -> one line of JSONL or CSV
limits      AWS's numbers with their sources; how large an answer is, what a call may carry
reingest    puts what does not fit back where it came from; the only calls out
metrics     the one log line of a batch
settings    archive.toml
errors      the exceptions, drawn as a tree
"""
