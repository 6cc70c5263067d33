-- Rows, distinct changes and their difference for each day, in the last 30 days of folders.
SELECT r."$date", r.row_count, u.change_count, r.row_count - u.change_count AS duplicates
FROM (SELECT "$date", count(*) AS row_count FROM $table GROUP BY 1) r
JOIN (SELECT "$date", count(*) AS change_count FROM $view GROUP BY 1) u ON r."$date" = u."$date"
WHERE r."$date" >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
  AND u."$date" >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
ORDER BY 1
