-- The source bytes of failed records, as text. Parameter: the error code.
SELECT object, code, message, $raw_data_text AS record
FROM errors
WHERE code = ?
LIMIT 100
