-- Objects that Athena reads: one in GLACIER that is not restored is missing, silently. Parameters: first and last day.
SELECT "$$path" AS object, "$$file_size" AS size_bytes, count(*) AS row_count
FROM $table
WHERE "$date" BETWEEN ? AND ?
GROUP BY 1, 2
ORDER BY 1
