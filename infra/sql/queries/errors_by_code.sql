-- Failed records by error output type, code and message, with the first and the last time.
SELECT error_output_type, code, message, count(*) AS records,
  min(arrival_time) AS first_arrival, max(arrival_time) AS last_arrival
FROM errors
GROUP BY 1, 2, 3
ORDER BY records DESC, 1, 2, 3
