"""Failed records come home, archived items come back.

failed records
  cli         the commands; options and exit codes, messages and tables in show
  source      lists and reads the objects under the error output prefix
  failed      the bytes of such an object -> its failed records; inflate undoes gzip
  verdict     what the shipped transform says of a record today
  catalog     which objects are open, done, or held
  plan, run   what would be done, as a value; and doing it
  one         one object from its claim to its manifest
  state       claims and manifests: true even if killed at any line
  sink        where records go: sink_s3 (the archive), sink_stream (Kinesis, Firehose)
  quarantine  what is refused again, as error lines
  retire      moves what is done out of the way
  handler     the same per object, as a function for a Distributed Map; distributed starts and follows it
archived items
  restore     archived items back: retrieved from GLACIER, into files or into a table
everywhere
  layout      names in the bucket
  csv_row     a line of CSV by column, also from before a column was added
  aws         clients, and AWS's errors in words
  errors      the exceptions, drawn as a tree
"""
