"""The operator's commands over the bucket: failed records and exports into the archive, archived items back.

failed records
  commands         the command line: options, messages, exit codes
  error_objects    what Firehose left: objects, their lines, states, counts, causes
  replay_plan      what a run would do, as a value
  replay_run       a plan executed, several objects at once
  replay_object    one object, from its claim to its state
  verdict          what today's transform says of a failed record
  causes           which attribute is to blame for a refusal
  remedies         what to do about each code
  claims           the exclusive right of a run to an object; how states change
  claim_document   what a claim object says: state, progress, result, waivers
  settled_lines    lines that are not judged again: sent before, or waived
  line_ranges      line numbers as ranges
  conditional_put  writes under a condition, and the check that a store knows them
  sinks            where records go: the archive, a data stream, a delivery stream
  waiver           an operator accepts the loss of refused records
  retirement       moves done and waived objects out of the way
  map_handler      the same replay as a function of a Distributed Map
  distributed_map  starts that state machine, and follows it
exports
  backfill         items of DynamoDB exports into the archive
archived items
  restore          archived items back: retrieved from GLACIER, into files or into a table
  items            users' items, in every form that they have, exports included
shared
  aws              clients, and AWS's errors in words
  caller           whose credentials a command uses
  csv_row          a line of CSV by column, also one from before a column was added
  gunzip           gzip as a stream, in bounded memory
  rate             a limit on records a second
  workers          calls side by side
  errors           the exceptions, drawn as a tree
"""
