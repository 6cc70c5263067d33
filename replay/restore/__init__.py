"""Archived items back from the bucket, into files or into a table.

what is wanted
  restore_request    what one restore is asked to do, and what tells it from every other
  row_selection      which date folders and which rows are wanted
  row_filter         the filter: SQL's comparisons, parsed
  comparisons        the tests that a filter consists of, with SQL's three-valued logic
reading
  archive_listing    the objects as S3 lists them, with their retrieval state
  retrieval_cost     what a retrieval from GLACIER costs, and how long it takes
  retrieval          retrievals requested and waited for
  row_lines          the bytes of an object -> lines, decompressed in bounded memory
  archived_rows      lines -> rows, or bad lines with a code
  image_items        the item in a row's image, checked; what identifies it in a table
  item_rebuild       a row -> the item it was
  item_extraction    an object -> what is wanted of it, as it is staged
staging and writing
  stage              everything wanted, in a file on this machine
  item_files         staged items as JSONL, CSV or DynamoDB JSON
  output_file        the file they go into: private, and in place only when it is whole
  destination_table  the table they go into: its keys, its identity, its write capacity
  table_writer       conditional puts in parallel
the steps in order
  restore_run        from the selection to the exit code
  retrieval_steps    the cost, the consent, and the wait
  write_steps        into the file or the table, with the remaining time
  nothing_found      what is there when nothing was found
  restore_report     the result, for people and programs
"""
