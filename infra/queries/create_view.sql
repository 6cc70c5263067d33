-- Make the view of every change once again, in case Athena cannot read the one that the stack made.
CREATE OR REPLACE VIEW $view AS
$view_sql
