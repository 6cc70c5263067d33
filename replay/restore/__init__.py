"""Archived items come back: from the bucket into files, or into a table.

selection   which objects and which rows are wanted
where       the filter: SQL's comparisons on columns
retrieval   objects in GLACIER made readable: jobs, their cost, how far they are
rows        the lines of an archived object -> rows, and a row -> the item it was
intake      an archived object -> what is wanted of it
stage       everything wanted, in a file on this machine: survives a kill, knows duplicates
files       the staged items as JSONL, CSV or DynamoDB JSON
table       the staged items back into a table, never over an item that is there
job         the steps in their order, each going on where a kill left it
command     options and help
"""
