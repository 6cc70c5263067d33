-- Rows, distinct changes and their difference for each day, in the last 30 days of folders.
SELECT "$date", count(*) AS row_count, count(DISTINCT ddb_change) AS change_count,
  count(*) - count(DISTINCT ddb_change) AS duplicates
FROM archive
WHERE "$date" >= $thirty_days_ago
GROUP BY 1
ORDER BY 1
