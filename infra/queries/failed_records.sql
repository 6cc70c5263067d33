-- The source bytes of failed records, as text. Parameter: the error code.
SELECT "$$path" AS object, coalesce(errorcode, lasterrorcode) AS code, from_utf8(from_base64(rawdata)) AS record
FROM errors
WHERE coalesce(errorcode, lasterrorcode) = ?
LIMIT 100
