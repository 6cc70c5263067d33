"""The code of the transform function, from a Firehose batch to rows.

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
shape         the same in C, for images of the shape that the table's items have had so far
rows          change record -> row
formats       row -> one line of JSONL or CSV
limits        AWS's numbers with their sources; how large an answer is, what a call may carry
overflow      what is done with rows that do not fit into the response
reingest      puts records back where they came from; the only calls out
metrics       the one log line of a batch
settings      archive.toml: every key declared once, by the rules in setting_rules; settings_conflicts
errors        the exceptions, drawn as a tree
"""
