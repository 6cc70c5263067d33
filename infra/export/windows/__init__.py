"""The function of the export's state machine. It needs boto3 only, which the Lambda runtime has.

export_windows     which window is exported next: no clock, no call
window_record      the end of the last export, remembered in the bucket under conditions
window_handler     the entry that Lambda calls
"""
