-- The table as it was at a moment. Parameter: the time in UTC, as 2026-11-21 06:26:52.123456.
-- Without ddb_is_certain, an item has a row for each state that is possible, and REMOVE is then the state of an
-- item that was not in the table.
SELECT * FROM (
$table_at
)
WHERE ddb_event_name <> 'REMOVE' OR NOT ddb_is_certain
ORDER BY ddb_key, ddb_event_us
