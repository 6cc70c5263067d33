-- Lines that are no whole row, by object: truncated or malformed. Parameters: first day, last day.
-- A line of CSV that ends exactly between two cells of [[columns]] looks like a row older than the column.
SELECT "$date", "$$path" AS object, count(*) AS broken_lines
FROM archive_files
WHERE "$date" BETWEEN ? AND ?
  AND NOT $is_whole
GROUP BY 1, 2
ORDER BY 1, 2
