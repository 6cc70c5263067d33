-- Objects that a query reads. One in GLACIER that is not retrieved is missing. Parameters: first day, last day.
SELECT "$$path" AS object, count(*) AS row_count
FROM archive_files
WHERE "$date" BETWEEN ? AND ?
GROUP BY 1
ORDER BY 1
