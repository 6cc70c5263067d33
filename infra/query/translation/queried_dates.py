"""Which dates of folders a query reads, as far as its filters on the date column say.

A filter counts where it is in the WHERE of the SELECT that names the relation, joined with others by AND, and
compares the date column with a constant. What is not understood is no filter, so the dates are never too few.
"""

from collections.abc import Callable, Collection, Iterator

from sqlglot import exp

from ttl_archive.infra.query.date_range import DateRange

_LAST_CHARACTER = "\U0010ffff"


Evaluate = Callable[[exp.Expr], str | None]


def queried_dates(
    tree: exp.Expr, relations: Collection[str], date_column: str, evaluate: Evaluate
) -> DateRange | None:
    """Return the dates that the query reads of these relations, or None when it reads none of them.

    `evaluate` returns the text of a constant expression, or None for what is not constant.
    """
    found: DateRange | None = None
    for table in tree.find_all(exp.Table):
        select = table.find_ancestor(exp.Select)
        if table.name.lower() in relations and select is not None:
            dates = _filter(select, table.alias_or_name.lower(), date_column, evaluate)
            found = found.together(dates) if found else dates
    return found


def _filter(select: exp.Select, source: str, date_column: str, evaluate: Evaluate) -> DateRange:
    dates, where = DateRange(), select.args.get("where")
    for condition in _conjuncts(where.this) if where else ():
        column = condition.this
        if _is_date_column(column, source, date_column):
            dates = dates.within(_range_of(condition, evaluate))
        elif _is_date_column(condition.args.get("expression"), source, date_column):
            dates = dates.within(_range_of(_turned(condition), evaluate))
    return dates


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.And):
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.expression)
    elif isinstance(node, exp.Paren):
        yield from _conjuncts(node.this)
    else:
        yield node


def _is_date_column(node: object, source: str, date_column: str) -> bool:
    return (
        isinstance(node, exp.Column)
        and node.name.lower() == date_column
        and node.table.lower() in ("", source)
    )


def _turned(node: exp.Expr) -> exp.Expr:
    """Return a comparison with its sides exchanged."""
    turned: dict[type[exp.Expr], type[exp.Binary]] = {
        exp.LT: exp.GT,
        exp.LTE: exp.GTE,
        exp.GT: exp.LT,
        exp.GTE: exp.LTE,
        exp.EQ: exp.EQ,
    }
    kind = turned.get(type(node))
    turned_node: exp.Expr = kind(this=node.expression, expression=node.this) if kind else node
    return turned_node


def _range_of(node: exp.Expr, evaluate: Evaluate) -> DateRange:
    if isinstance(node, exp.Between):
        return DateRange(evaluate(node.args["low"]), evaluate(node.args["high"]))
    if isinstance(node, exp.In) and node.expressions:
        values = [evaluate(each) for each in node.expressions]
        known = [each for each in values if each is not None]
        return DateRange(min(known), max(known)) if len(known) == len(values) else DateRange()
    if isinstance(node, exp.Like) and (pattern := evaluate(node.expression)) is not None:
        prefix = pattern.partition("%")[0].partition("_")[0]
        return DateRange(prefix, prefix + _LAST_CHARACTER) if prefix else DateRange()
    if not isinstance(node, (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
        return DateRange()
    value = evaluate(node.expression)
    return DateRange(
        None if isinstance(node, (exp.LT, exp.LTE)) else value,
        None if isinstance(node, (exp.GT, exp.GTE)) else value,
    )
