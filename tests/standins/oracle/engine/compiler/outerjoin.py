"""Oracle's (+): the marked tables become LEFT JOINs, each after those it depends on."""

from collections.abc import Sequence

from sqlglot import exp

from tests.standins.oracle.engine.compiler.core import Compiler, identifier
from tests.standins.oracle.engine.compiler.scope import Clause, Scope, Source
from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.strictness import place


def marked(node: exp.Expr) -> list[exp.Column]:
    """The columns with (+) of a condition, not those of its subqueries."""
    found = node.walk(prune=lambda one: isinstance(one, exp.Query))
    return [one for one in found if isinstance(one, exp.Column) and one.args.get("join_mark")]


def split(conjuncts: Sequence[exp.Expr]) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """Conditions without and with (+)."""
    plain = [one for one in conjuncts if not marked(one)]
    return plain, [one for one in conjuncts if marked(one)]


def from_sql(compiler: Compiler, scope: Scope, conditions: list[exp.Expr]) -> str:
    """FROM for comma-separated sources with these (+) conditions."""
    by_source: dict[str, list[exp.Expr]] = {}
    for condition in conditions:
        by_source.setdefault(_optional_source(condition, scope).alias, []).append(condition)
    placed = [one for one in scope.sources if one.alias not in by_source]
    if not placed:
        raise ora(1416)
    sql = ", ".join(one.sql for one in placed)
    waiting = [one for one in scope.sources if one.alias in by_source]
    while waiting:
        ready = next((one for one in waiting if _depends(by_source[one.alias], one, scope) <= _aliases(placed)), None)
        if ready is None:
            raise ora(1416)
        sql += f" LEFT JOIN {ready.sql} ON {_on(compiler, by_source[ready.alias], scope)}"
        placed.append(ready)
        waiting.remove(ready)
    return sql


def _aliases(sources: list[Source]) -> set[str]:
    return {one.alias for one in sources}


def _optional_source(condition: exp.Expr, scope: Scope) -> Source:
    if condition.find(exp.Or) or (isinstance(condition, exp.In) and len(condition.expressions) > 1):
        raise ora(1719, offset=place(condition))
    if condition.find(exp.Query):
        raise ora(1799, offset=place(condition))
    owners = {owner.alias: owner for owner in (_owner(column, scope) for column in marked(condition))}
    if len(owners) > 1:
        raise ora(1468, offset=place(condition))
    return next(iter(owners.values()))


def _owner(column: exp.Column, scope: Scope) -> Source:
    name, table = identifier(column.this), column.args.get("table")
    hits = [one for one in scope.sources if one.find(name) and (table is None or identifier(table) == one.name)]
    if not hits:
        raise ora(904, f'"{name}"', offset=place(column))
    if len(hits) > 1:
        raise ora(918, offset=place(column))
    return hits[0]


def _depends(conditions: list[exp.Expr], own: Source, scope: Scope) -> set[str]:
    columns = [column for condition in conditions for column in condition.find_all(exp.Column)]
    known = [column for column in columns if _is_local(column, scope)]
    return {_owner(column, scope).alias for column in known} - {own.alias}


def _is_local(column: exp.Column, scope: Scope) -> bool:
    table = column.args.get("table")
    if not isinstance(column.this, exp.Identifier):
        return False
    name = identifier(column.this)
    if table is not None:
        return any(one.name == identifier(table) for one in scope.sources)
    return any(one.find(name) for one in scope.sources)


def _on(compiler: Compiler, conditions: list[exp.Expr], scope: Scope) -> str:
    with scope.at(Clause.ON):
        return " AND ".join(compiler.condition(_unmarked(one), scope) for one in conditions)


def _unmarked(condition: exp.Expr) -> exp.Expr:
    copy = condition.copy()
    for column in marked(copy):
        column.set("join_mark", None)
    return copy
