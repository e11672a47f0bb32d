"""FROM: tables, inline views, WITH, and ANSI joins."""

from dataclasses import replace

from sqlglot import exp

from tests.standins.oracle.engine.compiler.core import Compiler, identifier
from tests.standins.oracle.engine.compiler.literals import column_code
from tests.standins.oracle.engine.compiler.scope import Clause, Code, Query, Scope, Source, SourceColumn
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.strictness import place

_TABLE_PARTS = {"this", "db", "alias", "joins"}


def add_common(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    """WITH: compile each query in turn; a later one may name an earlier one."""
    clause = node.args.get("with_")
    if clause is None:
        return ""
    parts = [_common(compiler, item, scope) for item in clause.expressions]
    return f"WITH {', '.join(parts)} "


def _common(compiler: Compiler, item: exp.Expr, scope: Scope) -> str:
    name = identifier(item.args["alias"].this)
    renamed = [identifier(column) for column in item.args["alias"].args.get("columns") or ()]
    alias = compiler.alias("w")
    if _names_itself(item, name):
        query = _recursive(compiler, item, scope, name=name, alias=alias, renamed=renamed)
    else:
        query = compiler.query(item.this, scope)
    if renamed and len(renamed) != len(query.outputs):
        raise ora(32038, offset=place(item))
    scope.common[name] = _query_source(query, name, alias, f"`{alias}`", renamed)
    names = ", ".join(f"`c{index}`" for index in range(1, len(query.outputs) + 1))
    return f"`{alias}`({names}) AS ({query.sql})"


def _names_itself(item: exp.Expr, name: str) -> bool:
    return isinstance(item.this, exp.Union) and any(
        table.args.get("db") is None and identifier(table.this) == name
        for table in item.this.expression.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier)
    )


def _recursive(
    compiler: Compiler,
    item: exp.Expr,
    scope: Scope,
    *,
    name: str,
    alias: str,
    renamed: list[str],
) -> Query:
    """Recursive WITH: its columns have the names listed and the types of the first branch."""
    if not renamed:
        raise ora(32039, offset=place(item))
    if item.this.args.get("distinct"):
        raise ora(32040, offset=place(item))
    anchor = compiler.query(item.this.this, scope)
    scope.common[name] = _query_source(anchor, name, alias, f"`{alias}`", renamed)
    step = compiler.query(item.this.expression, scope)
    if len(step.outputs) != len(anchor.outputs):
        raise ora(1789, offset=place(item))
    if any(one.type.kind is not other.type.kind for one, other in zip(anchor.outputs, step.outputs, strict=True)):
        raise ora(1790, offset=place(item))
    return Query(f"{anchor.sql} UNION ALL {step.sql}", anchor.outputs)


def _query_source(query: Query, name: str, alias: str, sql: str, renamed: list[str] | None = None) -> Source:
    names = renamed or [output.name for output in query.outputs]
    columns = tuple(
        SourceColumn(column, f"`c{index}`", output.type, nullable=output.nullable)
        for index, (column, output) in enumerate(zip(names, query.outputs, strict=False), 1)
    )
    return Source(name, alias, sql, columns)


def source(compiler: Compiler, node: exp.Expr, scope: Scope) -> Source:
    """One item of FROM, without its joins."""
    if isinstance(node, exp.Subquery):
        return _inline_view(compiler, node, scope)
    if not isinstance(node, exp.Table):
        raise unsupported(type(node).__name__, offset=place(node))
    extras = {name for name, value in node.args.items() if value} - _TABLE_PARTS
    if extras or not isinstance(node.this, exp.Identifier):
        raise unsupported(f"FROM item with {', '.join(sorted(extras)) or 'a function'}", offset=place(node))
    return _table(compiler, node, scope)


def _inline_view(compiler: Compiler, node: exp.Expr, scope: Scope) -> Source:
    alias = compiler.alias()
    name = identifier(node.args["alias"].this) if node.args.get("alias") else ""
    query = compiler.query(node.this, Scope(parent=scope.parent, common=dict(_all_common(scope))))
    return _query_source(query, name, alias, f"({query.sql}) AS `{alias}`")


def _all_common(scope: Scope) -> dict[str, Source]:
    """An inline view sees WITH and the outer blocks' columns, not those of its neighbours."""
    inherited = _all_common(scope.parent) if scope.parent is not None else {}
    return inherited | scope.common


def _table(compiler: Compiler, node: exp.Expr, scope: Scope) -> Source:
    name = identifier(node.this)
    owner = identifier(node.args["db"]) if node.args.get("db") else None
    alias = compiler.alias()
    known_as = identifier(node.args["alias"].this) if node.args.get("alias") else name
    common = scope.find_common(name) if owner is None else None
    if common is not None:
        return Source(known_as, alias, f"{common.sql} AS `{alias}`", common.columns)
    found = compiler.objects.source(owner, name, alias, place(node.this))
    return Source(known_as, alias, found.sql, found.columns, found.owner)


def is_comma(join: exp.Expr) -> bool:
    return not any(join.args.get(name) for name in ("side", "kind", "method", "on", "using"))


def from_sql(compiler: Compiler, first: exp.Expr, joins: list[exp.Expr], scope: Scope) -> str:
    """FROM: groups between commas; a JOIN sees its own group only."""
    groups: list[list[exp.Expr]] = [[first]]
    for join in joins:
        if is_comma(join):
            groups.append([join.this])
        else:
            groups[-1].append(join)
    parts = [_group_sql(compiler, group, scope) for group in groups]
    return ", ".join(f"({part})" if len(parts) > 1 and " JOIN " in part else part for part in parts)


def _group_sql(compiler: Compiler, group: list[exp.Expr], scope: Scope) -> str:
    start = len(scope.sources)
    head = source(compiler, group[0], scope)
    scope.sources.append(head)
    return head.sql + "".join(_join_sql(compiler, join, scope, start) for join in group[1:])


def _join_sql(compiler: Compiler, join: exp.Expr, scope: Scope, first: int) -> str:
    """One JOIN after the sources before it, from `first` on; adds its source to the scope."""
    left = scope.sources[first:]
    added = source(compiler, join.this, scope)
    scope.sources.append(added)
    side, kind = (str(join.args.get(name) or "").upper() for name in ("side", "kind"))
    method = str(join.args.get("method") or "").upper()
    if kind == "CROSS":
        return f" CROSS JOIN {added.sql}"
    if kind not in {"", "INNER", "OUTER"} or method not in {"", "NATURAL"}:
        raise unsupported(f"{method} {kind} JOIN".strip(), offset=place(join.this))
    words = f" {side} JOIN " if side else " JOIN "
    return words + added.sql + " ON " + _on(compiler, join, scope, left=left, side=side)


def _on(
    compiler: Compiler,
    join: exp.Expr,
    scope: Scope,
    *,
    left: list[Source],
    side: str,
) -> str:
    condition = join.args.get("on")
    if condition is not None:
        group = replace(scope, sources=[*left, scope.sources[-1]], clause=Clause.ON)
        return compiler.condition(condition, group)
    added = scope.sources[-1]
    names = [identifier(name) for name in join.args.get("using") or ()]
    if str(join.args.get("method") or "").upper() == "NATURAL":
        known = {column.name for one in left for column in one.columns if not column.hidden}
        names = [column.name for column in added.columns if column.name in known and not column.hidden]
    pairs = [_merge(name, scope, left, side) for name in names]
    return " AND ".join(pairs) or "1"


def _merge(name: str, scope: Scope, left: list[Source], side: str) -> str:
    """A column of USING: both sides equal, and one name for the two."""
    ours = scope.merged.get(name) or _only(name, left, scope)
    theirs = _only(name, scope.sources[-1:], scope)
    preferred = f"COALESCE({theirs.sql}, {ours.sql})" if side == "RIGHT" else f"COALESCE({ours.sql}, {theirs.sql})"
    scope.merged[name] = Code(preferred if side else ours.sql, ours.type)
    return f"{ours.sql} = {theirs.sql}"


def _only(name: str, sources: list[Source], scope: Scope) -> Code:
    hits = [(one, column) for one in sources for column in one.find(name)]
    if len(hits) != 1:
        raise ora(918) if hits else ora(904, f'"{name}"')
    return column_code(*hits[0], scope)
