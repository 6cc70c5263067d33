"""Athena's SQL for the embedded engine: a closed list, translated by Trino's rules.

What is in the list has the value, the type and the NULLs that Trino has. Everything else is refused by name,
before the query runs, or by the row that would need it (`macros.refused_unless`). No case is answered
differently in silence. sqlglot parses the SQL; the text for DuckDB is written here, because sqlglot changes
names of functions but not what they return (`7 / 2`, `avg` of decimals, casts, dates).

module               subject
translate            the entry: SQL of Athena in, SQL of DuckDB out, with the columns
select_statements    SELECT, WITH, joins, set operations
final_clauses        GROUP BY, ORDER BY, LIMIT, OFFSET
output_columns       the columns of a query, a * and a set operation
expressions          names, literals, subqueries, windows, the calls of functions
conditions           comparisons, AND, OR, NOT, IS NULL, BETWEEN, IN, LIKE, CASE
arithmetic           + - * / % with Trino's types
scalar_functions     functions of texts, numbers and NULLs
time_functions       functions and intervals of dates and timestamps
json_paths           json_extract_scalar
aggregates           aggregate and window functions, the frame of a window
type_casts           CAST and TRY_CAST
sql_types            Trino's types, and the common type of two
translated           an expression with its type; conversions between types
scopes               which names an expression can use
macros               what DuckDB gets: exact division, and rows that are refused
mistakes             the two reasons why a query is not translated
asked_columns        which columns of the relations a query needs
queried_dates        which dates of folders a query reads

Source of the rules: TRINO, functions; trinodb/trino:core/trino-main/src/main/java/io/trino/type/
DecimalOperators.java, DecimalCasts.java, VarcharOperators.java, operator/scalar/StringFunctions.java,
DateTimeFunctions.java and sql/analyzer/StatementAnalyzer.java; DuckDB 1.5.5 was tried.
"""
