"""Which names an expression can use: the columns behind FROM, here and in the queries around it."""

from dataclasses import dataclass, field

from sqlglot import exp

from ttl_archive.infra.query.sql_place import suggest
from ttl_archive.infra.query.translation.mistakes import MistakeError, RefusedNodeError
from ttl_archive.infra.query.translation.sql_types import SqlType
from ttl_archive.infra.query.translation.translated import Translated
from ttl_archive.infra.sql.dialect import quoted

Columns = dict[str, SqlType]


@dataclass(slots=True)
class Scope:
    """The sources of one SELECT by their names; `around` is the scope of the query that it is in."""

    around: "Scope | None" = None
    sources: dict[str, Columns] = field(default_factory=dict)

    def column(self, node: exp.Column) -> Translated:
        """Return a column by its name. Raises MistakeError for one that is unknown or ambiguous."""
        if node.args.get("db"):
            raise RefusedNodeError("a column with the name of its database", node)
        name, source = node.name.lower(), node.table.lower()
        scope: Scope | None = self
        while scope is not None:
            found = [each for each in scope.sources if name in scope.sources[each] and source in ("", each)]
            if len(found) > 1:
                raise MistakeError(f"Column '{name}' is ambiguous: it is in {' and '.join(found)}", node)
            if found:
                return Translated(f"{quoted(found[0])}.{quoted(name)}", scope.sources[found[0]][name])
            scope = scope.around
        raise self._unknown(node, source)

    def _unknown(self, node: exp.Column, source: str) -> MistakeError:
        if source and source not in self.sources:
            return MistakeError(
                f"There is no relation '{source}' in FROM", node, suggest(source, self.sources)
            )
        columns = [name for each, names in self.sources.items() if source in ("", each) for name in names]
        return MistakeError(f"Column '{node.name}' cannot be resolved", node, suggest(node.name, columns))
