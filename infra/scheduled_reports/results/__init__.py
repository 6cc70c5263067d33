"""The function of the reports' state machine. It needs boto3 only, which the Lambda runtime has.

closed_period      the closed day, week or month before a run: no clock, no call
unread_objects     objects in GLACIER, which no query can read
result_pages       the result of a query in Athena, page by page
result_files       the dated objects: Athena's own CSV, and JSON
failure_reasons    why a report failed, without an item's content
reports_handler    the entry that Lambda calls
"""
