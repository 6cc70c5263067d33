"""The two reasons why a query is not translated, each with the node of the SQL that it is about."""

from sqlglot import exp


class RefusedNodeError(Exception):
    """The node is not in the closed list; `what` names it."""

    def __init__(self, what: str, node: exp.Expr) -> None:
        super().__init__(what)
        self.what, self.node = what, node


class MistakeError(Exception):
    """The SQL is wrong, in Athena as well; `why` is a sentence without a full stop."""

    def __init__(self, why: str, node: exp.Expr, suggestion: str = "") -> None:
        super().__init__(why)
        self.why, self.node, self.suggestion = why, node, suggestion


def refuse_other_arguments(node: exp.Expr, *known: str) -> None:
    """Raise RefusedNodeError when the node has an argument that its rule does not know."""
    for name, value in node.args.items():
        if value and name not in known:
            raise RefusedNodeError(f"{node.key} with {name.rstrip('_')}", node)
