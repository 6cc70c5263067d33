"""Which columns of the relations a query needs, as far as their names say."""

from collections.abc import Set

from sqlglot import exp


def asked_columns(tree: exp.Expr) -> Set[str] | None:
    """Return the names of all columns in a query, in lower case, or None when a * asks for every column.

    A name may be that of a column that the query itself makes. The names are never too few.
    """
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return None
    return {column.name.lower() for column in tree.find_all(exp.Column)}
