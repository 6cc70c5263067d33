"""The report: one HTML page about the archive, `ttl-archive report` (extra [report]).

module            subject
report_command    the command: its options and help
report_steps      what it does: open the place, count, and write the page or the document
archive_report    all that the page says, gathered as one value
report_period     the period: a month in UTC, or every date
counted           a part that is counted, or the reason why it is not
period_verdicts   whether anything is missing: the verdict of infra/verify/ on each day
row_counts        rows of each day, and the time from TTL to removal: one SQL query
object_counts     objects by storage class and size: one listing
failure_report    error objects by state and cause, and replays
function_counts   drops by rule: CloudWatch's sums of the functions' metrics
period_costs      US dollars by part, at the prices of prices.toml
plots             bar plots as plain numbers
page              the value as a page; templates/page.html is its template
report_document   the value as a JSON document

The page is a template with SVG and without a script, so that it can be read anywhere, printed, and kept for
years. A plotting library would draw the three plots with more code than the template has.
"""
