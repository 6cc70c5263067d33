-- Values per day and column that do not fit the column's type, where it is NULL. Parameters: first day, last day.
$misfits
