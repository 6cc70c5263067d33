-- When an attribute of an item changed, and by whom. Parameters: the item's ddb_key, the attribute's name.
-- value_before is not known where ddb_before_is_known is false: at the archive's first change of the item, unless
-- that is an INSERT, and where changes cannot be ordered.
WITH ddb_life AS (
  SELECT * FROM archive_history WHERE ddb_key = ?
), ddb_valued AS (
  SELECT ddb_life.*, $attribute AS ddb_value
  FROM ddb_life
), ddb_states AS (
  SELECT ddb_valued.*, CASE WHEN ddb_event_name <> 'REMOVE' THEN ddb_value END AS value_after
  FROM ddb_valued
), ddb_pairs AS (
  SELECT ddb_states.*,
    lag(value_after) OVER (ORDER BY ddb_step, ddb_event_us, ddb_change) AS ddb_earlier,
    coalesce(lag(ddb_step_changes) OVER (ORDER BY ddb_step, ddb_event_us, ddb_change), 0) AS ddb_earlier_changes
  FROM ddb_states
), ddb_known AS (
  SELECT ddb_pairs.*,
    CASE WHEN ddb_event_name = 'REMOVE' THEN ddb_value
      WHEN ddb_event_name <> 'INSERT' AND ddb_step_changes = 1 AND ddb_earlier_changes = 1 THEN ddb_earlier
    END AS value_before,
    ddb_event_name IN ('INSERT', 'REMOVE') OR (ddb_step_changes = 1 AND ddb_earlier_changes = 1)
      AS ddb_before_is_known
  FROM ddb_pairs
)
SELECT ddb_event_time, ddb_event_us, ddb_event_name, ddb_removed_by, value_before, value_after,
  ddb_before_is_known, ddb_step, ddb_step_changes
FROM ddb_known
WHERE NOT ddb_before_is_known OR coalesce(value_before, '') <> coalesce(value_after, '')
ORDER BY ddb_step, ddb_event_us, ddb_change
