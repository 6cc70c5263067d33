-- Every change of some days once, also where its copies came on different days. Parameters: first and last day.
$unique_sql
