"""Query blocks: FROM, WHERE, GROUP BY, the select list, ORDER BY, and ROWNUM around them."""

import re

from sqlglot import exp

from tests.standins.oracle.engine.compiler import connectby, outerjoin, rownum
from tests.standins.oracle.engine.compiler.aggregates import aggregates_in
from tests.standins.oracle.engine.compiler.core import QUERIES, Compiler, handles, identifier, shape
from tests.standins.oracle.engine.compiler.literals import column_code, merged_code
from tests.standins.oracle.engine.compiler.ordering import order_items, paging, tie_columns, tied, with_ties
from tests.standins.oracle.engine.compiler.scope import (
    Block,
    Clause,
    Code,
    Grouping,
    Numbering,
    Output,
    Query,
    Scope,
    Source,
)
from tests.standins.oracle.engine.compiler.sources import add_common, from_sql, is_comma
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import LARGE
from tests.standins.oracle.engine.strictness import place

_CLAUSES = {
    "expressions", "from_", "joins", "where", "group", "having", "order", "distinct", "limit", "offset",
    "with_", "connect", "hint", "kind", "operation_modifiers",
}  # fmt: skip
_MAX_NAME = 128


def conjuncts(node: exp.Expr | None) -> list[exp.Expr]:
    """The conditions that WHERE joins by AND."""
    if node is None:
        return []
    condition = node.this
    while isinstance(condition, exp.Paren) and isinstance(condition.this, exp.And | exp.Paren):
        condition = condition.this
    if not isinstance(condition, exp.And):
        return [condition]
    return [part for side in condition.flatten() for part in conjuncts(exp.Where(this=side.copy()))]


@handles(QUERIES, exp.Select)
def _select(compiler: Compiler, node: exp.Expr, parent: Scope | None) -> Query:
    extras = {name for name, value in node.args.items() if value} - _CLAUSES
    if extras:
        raise unsupported(", ".join(sorted(extras)), offset=place(node))
    scope = Scope(parent=parent)
    common = add_common(compiler, node, scope)
    block = _from_where(compiler, node, scope)
    shapes = compiler.grouping_shapes
    keys = _group(compiler, node, scope)
    query = _list_and_order(compiler, node, scope, block, keys)
    compiler.grouping_shapes = shapes
    bare = not common and not any(node.args.get(name) for name in ("order", "limit", "offset"))
    return Query(common + query.sql, query.outputs, bare=bare)


def _from_where(compiler: Compiler, node: exp.Expr, scope: Scope) -> Block:
    sources = _from(compiler, node, scope)
    if node.args.get("connect") is not None:
        sources = connectby.hierarchy(compiler, node.args["connect"], scope)
    conditions, numbered = rownum.split(conjuncts(node.args.get("where")))
    plain, optional = outerjoin.split(conditions)
    if optional:
        if not all(is_comma(join) for join in node.args.get("joins") or ()):
            raise ora(25156, offset=place(optional[0]))
        sources = outerjoin.from_sql(compiler, scope, optional)
    with scope.at(Clause.WHERE):
        where = [compiler.condition(condition, scope) for condition in plain]
    limit = rownum.limit(compiler, numbered, scope) if numbered else ""
    if limit or _names_rownum(node):
        scope.numbering = Numbering(compiler.alias("n"))
    return Block(sources, where, limit)


def _names_rownum(node: exp.Expr) -> bool:
    parts = [*node.expressions, node.args.get("order"), node.args.get("group"), node.args.get("having")]
    return any(rownum.uses_rownum(part) for part in parts)


def _from(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    clause = node.args.get("from_")
    if clause is None:
        return ""
    joins = [*(clause.this.args.get("joins") or ()), *(node.args.get("joins") or ())]
    return from_sql(compiler, clause.this, joins, scope)


def _group(compiler: Compiler, node: exp.Expr, scope: Scope) -> list[str]:
    """Compile GROUP BY and tell the scope what it allows."""
    group = node.args.get("group")
    keys: list[Code] = []
    if group is not None:
        if {name for name, value in group.args.items() if value} - {"expressions"}:
            raise unsupported("ROLLUP, CUBE or GROUPING SETS", offset=place(group))
        with scope.at(Clause.GROUP):
            for item in group.expressions:
                keys += _group_item(compiler, item, scope)
        compiler.grouping_shapes = compiler.grouping_shapes | {shape(item) for item in group.expressions}
    parts = [*node.expressions, node.args.get("having"), node.args.get("order")]
    if group is not None or any(aggregates_in(part) for part in parts if part is not None):
        scope.grouping = Grouping(frozenset(key.sql for key in keys), explicit=group is not None)
    return [key.sql for key in keys]


def _group_item(compiler: Compiler, item: exp.Expr, scope: Scope) -> list[Code]:
    if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets):
        raise unsupported("ROLLUP, CUBE or GROUPING SETS", offset=place(item))
    if isinstance(item, exp.Tuple):
        return [code for part in item.expressions for code in _group_item(compiler, part, scope)]
    code = compiler.value(item, scope)
    if code.type.kind in LARGE:
        raise ora(932, "-", code.type.kind.value, offset=place(item))
    return [code]


def _list_and_order(compiler: Compiler, node: exp.Expr, scope: Scope, block: Block, keys: list[str]) -> Query:
    columns = [column for item in node.expressions for column in _projection(compiler, item, scope)]
    outputs = [output for output, _ in columns]
    distinct = node.args.get("distinct") is not None
    scope.listed = frozenset(code.sql for _, code in columns) if distinct else None
    scope.renamed = {
        output.name: code
        for item, (output, code) in zip(node.expressions, columns, strict=False)
        if isinstance(item, exp.Alias)
    }
    if distinct:
        _check_distinct(node, outputs)
    having = node.args.get("having")
    having_sql = ""
    if having is not None:
        with scope.at(Clause.HAVING):
            having_sql = compiler.condition(having.this, scope)
    order = order_items(compiler, node.args.get("order"), outputs, scope)
    listed = ", ".join(f"{code.sql} AS `c{index}`" for index, (_, code) in enumerate(columns, 1))
    tail = f" GROUP BY {', '.join(keys)}" if keys else ""
    tail += f" HAVING {having_sql}" if having_sql else ""
    if with_ties(node):
        listed += f", {tie_columns(order, [code.sql for _, code in columns], node)}"
        sql = f"SELECT {listed}{_rows_sql(block, scope)}{tail}"
        return Query(tied(compiler, node, scope, sql, len(outputs)), tuple(outputs))
    sql = f"SELECT {'DISTINCT ' if distinct else ''}{listed}{_rows_sql(block, scope)}{tail}"
    sql += f" ORDER BY {', '.join(order)}" if order else ""
    return Query(sql + paging(compiler, node, scope), tuple(outputs))


def _check_distinct(node: exp.Expr, outputs: list[Output]) -> None:
    for output in outputs:
        if output.type.kind in LARGE:
            raise ora(932, "-", output.type.kind.value, offset=place(node))


def _rows_sql(block: Block, scope: Scope) -> str:
    """FROM and WHERE; with ROWNUM they move into an inner block that numbers and limits the rows."""
    where = f" WHERE {' AND '.join(block.where)}" if block.where else ""
    rows = f" FROM {block.source}{where}" if block.source else where
    numbering = scope.numbering
    if numbering is None:
        return rows
    inner = [f"{sql} AS `{name}`" for sql, name in numbering.columns.items()]
    inner.append("num(ROW_NUMBER() OVER ()) AS `rn`" if numbering.numbered else "1 AS `rn`")
    limit = f" LIMIT {block.limit} OFFSET 0" if block.limit else ""  # OFFSET keeps SQLite from sorting first
    return f" FROM (SELECT {', '.join(inner)}{rows}{limit}) AS `{numbering.alias}`"


def _projection(compiler: Compiler, item: exp.Expr, scope: Scope) -> list[tuple[Output, Code]]:
    if isinstance(item, exp.Star):
        return _star(scope, scope.sources)
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        return _star(scope, _qualified(item, scope))
    alias = identifier(item.args["alias"]) if isinstance(item, exp.Alias) else None
    body = item.this if isinstance(item, exp.Alias) else item
    code = compiler.value(body, scope)
    name = alias or _name(compiler, body)
    return [(Output(name, code.type, code.nullable), code)]


def _qualified(item: exp.Expr, scope: Scope) -> list[Source]:
    name = identifier(item.args["table"])
    found = [one for one in scope.sources if one.name == name]
    if not found:
        raise ora(904, f'"{name}"', offset=place(item))
    return found


def _star(scope: Scope, sources: list[Source]) -> list[tuple[Output, Code]]:
    columns: list[tuple[Output, Code]] = [
        (Output(name, code.type), merged_code(name, scope))
        for name, code in scope.merged.items()
        if sources is scope.sources
    ]
    for one in sources:
        names = [column.name for column in one.columns]
        for column in one.columns:
            if column.hidden or column.name in scope.merged:
                continue
            if names.count(column.name) > 1:
                raise ora(918)
            code = column_code(one, column, scope)
            if scope.grouping is not None and code.sql not in scope.grouping.keys:
                raise ora(979 if scope.grouping.explicit else 937)
            columns.append((Output(column.name, column.type, column.nullable), code))
    return columns


def _name(compiler: Compiler, node: exp.Expr) -> str:
    """What an unnamed expression is called: a column's name, else its text without blanks."""
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier):
        return identifier(node.this)
    span = node.meta_get("span")
    if not isinstance(span, tuple):
        return type(node).__name__.upper()
    return re.sub(r"\s+", "", compiler.statement.excerpt(*span)).upper()[:_MAX_NAME]
