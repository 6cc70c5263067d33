"""What moto's S3 lacks: time.

proxy           restores that take hours, creation times by the clock, faults
retrievals      the state of each restore
restore_status  that state in the listing of a bucket
lifecycle       transitions to GLACIER when the clock says so
"""
