-- The states in which an item can have been at a moment. Parameters: the time in UTC, the item's ddb_key.
$item_at
