-- The life of an item in order. Changes with the same ddb_step cannot be ordered. Parameter: the item's ddb_key.
SELECT $columns, ddb_latest_us, ddb_step, ddb_step_changes
FROM archive_history
WHERE ddb_key = ?
ORDER BY ddb_step, ddb_event_us, ddb_change
