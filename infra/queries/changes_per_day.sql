-- Changes per day and kind, in the last 30 days of folders.
SELECT "$date", ddb_event_name, ddb_removed_by, count(*) AS changes
FROM $view
WHERE "$date" >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
