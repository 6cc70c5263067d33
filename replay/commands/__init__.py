"""The command line: options, messages and exit codes; no call to AWS is made here.

groups         the group `replay`
lazy_group     groups whose commands are imported when they are called
options        what the commands share
list           what failed, the objects, the causes
inspect        the records of one object
plan           what a run would do
run            executes a plan
waive          accepts the loss of refused records
retire         moves done and waived objects out of the way
restore        archived items back
backfill       the items of an export into the archive; backfill_compare: what the archive lacks
distributed    an execution of a state machine of the stack, followed to its end
causes_report  causes with what to do about them
show           text, tables, JSON
progress       progress bars
signals        Ctrl-C
"""
