"""The custom resource that creates the relations as views in Athena; part of the zip of custom resources.

module           subject
view_changes     which statements lead from one set of views to another, in their order
athena_query     one statement: started, waited for, retried
views_handler    the entry that Lambda calls

The statements are written by `infra/sql` when the stack is synthesised, and Athena itself runs them (CREATE
OR REPLACE VIEW). The form in which Glue stores a view is not documented, and nothing would check it before
the first query.
"""
