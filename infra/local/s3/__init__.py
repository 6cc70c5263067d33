"""What moto's S3 lacks: time.

proxy        restores that take hours, creation times by the clock, faults
retrievals   the state of each restore
lifecycle    transitions to GLACIER when the clock says so
"""
