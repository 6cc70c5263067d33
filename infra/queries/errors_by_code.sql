-- Failed records by error output type, code and message, with the first and the last time.
SELECT
  regexp_extract("$$path", '/([^/]+)/dt=', 1) AS error_output_type,
  coalesce(errorcode, lasterrorcode) AS code,
  coalesce(errormessage, lasterrormessage) AS message,
  count(*) AS records,
  from_unixtime(min(try_cast(arrivaltimestamp AS bigint)) / 1000) AS first_arrival,
  from_unixtime(max(try_cast(arrivaltimestamp AS bigint)) / 1000) AS last_arrival
FROM errors
GROUP BY 1, 2, 3
ORDER BY records DESC
