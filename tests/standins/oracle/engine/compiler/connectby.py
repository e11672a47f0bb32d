"""CONNECT BY: rows generated over LEVEL and hierarchies through PRIOR, as a recursive query."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.core import VALUES, Compiler, handles
from tests.standins.oracle.engine.compiler.scope import Clause, Code, Scope, Source, SourceColumn
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.strictness import place


def hierarchy(compiler: Compiler, connect: exp.Expr, scope: Scope) -> str:
    """FROM for START WITH … CONNECT BY; the scope's source becomes the rows of the hierarchy."""
    if len(scope.sources) != 1 or connect.args.get("nocycle"):
        raise unsupported("CONNECT BY over a join or with NOCYCLE", offset=place(connect))
    own = scope.sources[0]
    alias = compiler.alias("h")
    tree, above = _tree_source(own, alias, "k"), _tree_source(own, alias, "p")
    start = _start(compiler, connect, scope)
    scope.level = f"num(`{tree.alias}`.`level` + 1)"
    scope.prior = Scope(parent=scope.parent, sources=[tree], level=f"num(`{tree.alias}`.`level`)")
    with scope.at(Clause.WHERE):
        step = compiler.condition(connect.args["connect"], scope)
    scope.sources = [tree]
    scope.level = f"num(`{tree.alias}`.`level`)"
    scope.prior = Scope(parent=scope.parent, sources=[above], level=f"num(`{alias}`.`level` - 1)")
    return _recursive(own, tree, start, step)


def _tree_source(own: Source, alias: str, prefix: str) -> Source:
    """The rows found so far: each has its own columns (k) and those of the row above it (p)."""
    columns = tuple(
        SourceColumn(column.name, f"`{prefix}{index}`", column.type, column.hidden, column.nullable)
        for index, column in enumerate(own.columns, 1)
    )
    return Source(own.name, alias, f"`{alias}`", columns, own.owner)


def _start(compiler: Compiler, connect: exp.Expr, scope: Scope) -> str:
    start = connect.args.get("start")
    if start is None:
        return ""
    with scope.at(Clause.WHERE):
        return f" WHERE {compiler.condition(start, scope)}"


def _recursive(own: Source, tree: Source, start: str, step: str) -> str:
    count = len(own.columns)
    names = ", ".join([f"`k{n}`" for n in range(1, count + 1)] + [f"`p{n}`" for n in range(1, count + 1)])
    values = ", ".join(f"`{own.alias}`.{column.sql}" for column in own.columns)
    above = ", ".join(f"`{tree.alias}`.{column.sql}" for column in tree.columns)
    looping = f"`{tree.alias}`.`k" in step  # only PRIOR can run in circles; LEVEL counts up to its bound
    deeper = f"loop_guard(`{tree.alias}`.`level` + 1)" if looping else f"`{tree.alias}`.`level` + 1"
    return (
        f"(WITH RECURSIVE `{tree.alias}`({names}, `level`) AS ("
        f"SELECT {values}, {', '.join(['NULL'] * count)}, 1 FROM {own.sql}{start} UNION ALL "
        f"SELECT {values}, {above}, {deeper} FROM `{tree.alias}`, {own.sql} WHERE {step} "
        f"ORDER BY {2 * count + 1} DESC"
        f") SELECT * FROM `{tree.alias}`) AS `{tree.alias}`"
    )


@handles(VALUES, exp.Prior)
def _prior(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    if scope.prior is None:
        raise ora(976, offset=place(node))
    return compiler.value(node.this, scope.prior)
