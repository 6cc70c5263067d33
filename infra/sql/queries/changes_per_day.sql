-- Changes per day and kind, in the last 30 days of folders.
SELECT "$date", ddb_event_name, ddb_removed_by, count(*) AS changes
FROM archive_unique
WHERE "$date" >= $thirty_days_ago
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
