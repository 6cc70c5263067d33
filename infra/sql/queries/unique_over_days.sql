-- Every change once, also where its copies lie in the folders of several days. Parameters: first day, last day.
$unique_over_days
