"""Whether the archive has what DynamoDB deleted, day by day: `ttl-archive verify`.

deletion_metrics   CloudWatch: how many items TTL deleted on each day, and what the functions counted
row_identity       which rows are the same change, as digests
row_index          every TTL removal that was found, on disk: unique changes, copies, rows at a day's edges
archive_scan       the rows of the delivered objects, counted by the time of their change
object_history     objects that were deleted or overwritten, as a versioned bucket knows them
failed_removals    TTL removals in error objects that have no row
day_balance        the numbers of one day, and the verdict with its reasons
seal_document      a seal: the objects of a day when it closed, written once
day_seals          what differs from the seals of the days, and new seals
verify_run         the steps of the command
verify_report      what it prints
verify_command     the command: options and help; verify_steps: what it does with them
"""
