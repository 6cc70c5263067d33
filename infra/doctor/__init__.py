"""Whether a deployed archive works as it should: `ttl-archive doctor`.

finding           what a check found, and the rule that a check that is not possible is never "ok"
account_checks    identity, permissions of the operator, the stack and its drift, quotas
table_checks      the table, its TTL, and items that TTL has not deleted yet
road_checks       the streaming destination, the event source mapping, the delivery streams
bucket_checks     the bucket, its versions, and a lifecycle that moves nothing
doctor_command    the command: options and help; doctor_steps: which checks run, and what is printed
"""
