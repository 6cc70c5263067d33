"""SQL over the archive: one model of the relations, written for two engines, Athena and DuckDB.

relation         what it has                               module
archive          every delivered row, columns typed        archive_relation, row_members
archive_unique   each change once in each date folder      relations, change_identity
archive_latest   the newest change of each key             relations
archive_history  every change of each key in order         history_relation
errors           every record that failed                  errors_relation
archive_files, error_files: the text tables below them     text_table; in DuckDB duckdb_files

module                             subject
grammar                            the texts that fit a column type, before every cast
dialect                            what both engines share, and what each must add
athena_dialect, duckdb_dialect     how each engine writes it
serde                              the classes by which Athena reads the files
saved_queries, queries/*.sql       the queries that are shipped, for both engines
config_warnings                    what check-config says about SQL

How a column becomes SQL. For [[columns]] name = "temperature", type = "decimal(5,1)" and a row whose image is
{"temperature":{"N":"361E-1"}}:

step         Athena                                         DuckDB
ddb_images   the image parsed once:                         the content of the likeliest kind of each value,
             TRY(CAST(json_parse(nullif(ddb_image,''))      taken in one call:
             AS map(varchar, json))) AS ddb_parsed          TRY(json_extract_string(nullif(ddb_image,''),
                                                            ['/temperature/N', …])) AS ddb_likely
             json_format(element_at(ddb_parsed,             where one is missing, every kind of each value,
             'temperature')) AS ddb_v1                      in a second call: ['/temperature/N',
             = {"N":"361E-1"}, the attribute value          '/temperature/S', …] AS ddb_every
ddb_texts    coalesce(json_extract_scalar(ddb_v1,           coalesce(ddb_likely[1], ddb_every[1], …)
             '$["N"]'), …)
             AS ddb_t1 = 361E-1, the exact text; in a row without an image it is the text of the row's own
             member
ddb_quick                                                   ddb_q1: the value of a text in its plain form,
                                                            as 36.1, without a pattern; else NULL
ddb_plain    ddb_n1 = 36.10, the same number without an exponent, by the same expression in both
ddb_typed    CASE WHEN regexp_like(ddb_n1, '…')             coalesce(ddb_q1, CASE WHEN regexp_matches(ddb_n1,
             THEN TRY_CAST(ddb_n1 AS decimal(5,1)) END      '…') THEN TRY_CAST(ddb_n1 AS decimal(5,1)) END)
             AS ddb_c1 = 36.1; NULL if the text does not fit

Only strings are taken from the image: both engines pass the numbers of JSON through a double, but not its
strings. The pattern of a type is the same in both (`grammar.pattern_of`). A value that does not fit is NULL
in its column, stays exact in `ddb_image`, and is counted by the saved query `misfits`.

What the text of a value is:

in the image               string column        json column               other columns
{"S":"x"}                  x                    {"S":"x"}                 x, if it fits
{"N":"1.5"}                1.5                  {"N":"1.5"}               1.5, if it fits
{"BOOL":true}              true                 {"BOOL":true}             true, if it fits
{"B":"eA=="}               eA==                 {"B":"eA=="}              NULL, counted
{"M":…}, lists, sets       their JSON text      their JSON text           NULL, counted
{"NULL":true}, missing     NULL                 NULL                      NULL

A json column of a row without an image has the row's own JSON, without the types S, N, … of DynamoDB.

Types come from the views and not from the table of the Glue catalog, so a column can be added, renamed,
retyped or removed at any time: the relations are created again, no table is dropped, and rows from before
answer at once from their image. Rows without an image limit that:

image = false                 added                          renamed            retyped   removed
JSONL                         old rows too, except where     old rows are NULL  yes       yes
                              path leads into a map
CSV (columns are positional)  at the end; old rows too,      no: ddb_rest has   yes       no
                              except json, and into a map    the old name
"""
