"""The code of the functions that move data: the transform, and the forwarder of the Streams road.

The hot path, for each record, in the order of its calls. It begins with the loop in `batch`. Most records are
dropped after the first line:

    batch -> convert -> records (nesting) -> selection
          -> rows -> learning, shape (getters, numbers), or columns and flatten for an image of no known shape
                  -> image_text -> formats

handler       the entry that Lambda calls
fast_handler  the same entry with a faster JSON codec in the runtime client, which is in marshaller
batch         one loop over records, one answer for each
nesting       the bound on nested JSON, decided before anything is decoded
convert       a record's bytes -> a row, or the rule by which it is dropped
records       bytes -> change record
selection     which changes are kept, and the rules that drop the others
columns       which attribute goes into which column
flatten       attribute values -> plain values
numbers       the texts of numbers -> JSON with the same digits
shape         the same as flatten in C code, for images with the same attributes as a sample
learning      which shapes the items of a table have, and when a shape is forgotten
getters       several attributes or items of an object in one call
rows          change record -> row
image_text    the lossless image of a row, as one line of DynamoDB JSON
formats       row -> one line of JSONL or CSV
limits        AWS's limits with their sources; the size of a response and of a put call
overflow      rows that do not fit into the response: put back, or failed
reingest      puts records back into their source; the only calls that the transform makes
metrics       the one log line of a batch
settings      archive.toml: every key declared once, by the rules in setting_rules; settings_conflicts
errors        the exceptions, drawn as a tree

The forwarder turns a batch of a DynamoDB stream into rows by the same modules, from `convert` on:

forwarder_handler  the entry that Lambda calls
forwarder          one batch: its rows and refusals put, and the answer that says what is retried
source_bytes       a record of the event -> the bytes that `convert` reads
packed_rows        rows packed into Firehose records, and put in their order
refusals           refused records put as an error object; refusal: one of them
forward_tally      the one log line of a batch

The ingestion turns the messages of a queue into items of the table, each with a TTL stamp:

ingest_handler       the entry that Lambda calls
ingest               one batch: items written, bad messages refused, and the answer that says what is retried
ingest_settings      the section [ingest]
ingest_message       a message's body -> its readings
ingest_item          a reading -> an item with key and TTL stamp
ingest_duplicates    two readings of one key
ingest_writes        items written while there is time
ingest_dead_letters  bad messages sent to the dead-letter queue, with the reason
ingest_tally         the one log line of a batch
"""
