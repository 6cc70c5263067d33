-- Every archived change in which a text occurs. Parameters: first day, last day, pattern like '%sensor-7%'.
SELECT $columns
FROM archive_unique
WHERE "$date" BETWEEN ? AND ?
  AND lower($searched) LIKE lower(?)
ORDER BY ddb_event_us, ddb_event_id
LIMIT 1000
