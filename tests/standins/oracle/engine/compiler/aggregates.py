"""Group functions: plain, KEEP (DENSE_RANK …) and WITHIN GROUP; and where they may stand."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.conversion import convert
from tests.standins.oracle.engine.compiler.core import VALUES, Compiler, handles, handles_call
from tests.standins.oracle.engine.compiler.scope import Clause, Code, Scope
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import LARGE, MOMENTS, NUMBER, NUMERIC, TEXT, Kind, SqlType
from tests.standins.oracle.engine.strictness import place

NUMERIC_AGGREGATES = frozenset(
    {"SUM", "AVG", "MEDIAN", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP"},
)
ORDERED = frozenset({"LISTAGG", "PERCENTILE_CONT", "PERCENTILE_DISC"})
AGGREGATES = NUMERIC_AGGREGATES | ORDERED | {"COUNT", "MIN", "MAX"}
_NEVER_IN = frozenset({Clause.WHERE, Clause.ON, Clause.GROUP})


def is_aggregate(node: exp.Expr) -> bool:
    """Is this node itself a group function (not an analytic one)?"""
    if isinstance(node, exp.Window):
        return is_keep(node) and not _analytic(node)
    named = isinstance(node, exp.Anonymous) and str(node.this).upper() in AGGREGATES
    return named and not _analytic(node)


def is_keep(node: exp.Expr) -> bool:
    return isinstance(node, exp.Window) and str(node.args.get("over") or "").upper() == "KEEP"


def _analytic(node: exp.Expr) -> bool:
    """Does OVER follow this group function, with KEEP or WITHIN GROUP in between or not?"""
    parent = node.parent
    while isinstance(parent, exp.WithinGroup) or (parent is not None and is_keep(parent)):
        node, parent = parent, parent.parent
    return isinstance(parent, exp.Window) and node.arg_key == "this"


def aggregates_in(node: exp.Expr) -> bool:
    """Does an expression hold a group function of its own query block?"""
    return any(
        is_aggregate(found)
        for found in node.walk(prune=lambda one: isinstance(one, exp.Query) and one is not node)
        if not isinstance(found, exp.Query)
    )


def check_place(node: exp.Expr, scope: Scope) -> None:
    if scope.clause in _NEVER_IN:
        raise ora(934, offset=place(node))
    if scope.depth == 0:
        return
    if scope.grouping is not None and scope.grouping.explicit:
        raise unsupported("nested group functions", offset=place(node))
    raise ora(978, offset=place(node))


@handles_call(*sorted(AGGREGATES))
def _aggregate(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    check_place(node, scope)
    with scope.aggregating():
        return aggregate(compiler, node, scope)


def aggregate(compiler: Compiler, node: exp.Expr, scope: Scope, *, order: exp.Expr | None = None) -> Code:
    """A group function without what follows it; `order` is that of WITHIN GROUP."""
    name = str(node.this).upper()
    if name in ORDERED:
        return _ordered(compiler, node, scope, order)
    if name == "COUNT":
        return _count(compiler, node, scope)
    value, distinct = _single(compiler, node, scope)
    if name in {"MIN", "MAX"}:
        if value.type.kind in LARGE:
            raise ora(932, "-", value.type.kind.value, offset=place(node))
        return Code(f"{name}({value.sql})", value.type)
    return Code(f"agg_{name}({distinct}{value.sql})", _numeric_result(name, value, place(node)))


def _numeric_result(name: str, value: Code, offset: int) -> SqlType:
    if name == "MEDIAN" and value.type.kind in MOMENTS:
        return value.type
    if value.type.kind not in NUMERIC:
        raise ora(932, "NUMBER", value.type.kind.value, offset=offset)
    return value.type if value.type.kind is Kind.DOUBLE else NUMBER


def _single(compiler: Compiler, node: exp.Expr, scope: Scope) -> tuple[Code, str]:
    if len(node.expressions) != 1:
        raise ora(909, offset=place(node))
    argument, distinct = node.expressions[0], ""
    if isinstance(argument, exp.Distinct):
        distinct, argument = "DISTINCT ", argument.expressions[0]
    if isinstance(argument, exp.Star):
        raise ora(936, offset=place(node))
    value = compiler.value(argument, scope)
    if str(node.this).upper() in NUMERIC_AGGREGATES and value.type.kind in {Kind.TEXT, Kind.NULL}:
        value = convert(value, Kind.NUMBER)
    return value, distinct


def _count(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Star):
        return Code("num(COUNT(*))", NUMBER, nullable=False)
    value, distinct = _single(compiler, node, scope)
    if distinct and value.type.kind in LARGE:
        raise ora(932, "-", value.type.kind.value, offset=place(node))
    return Code(f"num(COUNT({distinct}{value.sql}))", NUMBER, nullable=False)


def sort_keys(compiler: Compiler, order: exp.Expr, scope: Scope) -> tuple[str, list[Code]]:
    """ORDER BY inside an aggregate: one letter pair per key (a or d, f or l for NULLs) and the keys."""
    marks, codes = [], []
    for item in order.expressions:
        codes.append(compiler.value(item.this, scope))
        marks.append(("d" if item.args.get("desc") else "a") + ("f" if item.args.get("nulls_first") else "l"))
    return ",".join(marks), codes


def _ordered(compiler: Compiler, node: exp.Expr, scope: Scope, order: exp.Expr | None) -> Code:
    name = str(node.this).upper()
    if name == "LISTAGG":
        return _listagg(compiler, node, scope, order)
    if order is None:
        raise ora(30491, offset=place(node))
    if len(node.expressions) != 1 or len(order.expressions) != 1:
        raise ora(909, offset=place(node))
    fraction = convert(compiler.value(node.expressions[0], scope), Kind.NUMBER)
    key = compiler.value(order.expressions[0].this, scope)
    if name == "PERCENTILE_CONT" and key.type.kind not in NUMERIC | MOMENTS:
        raise ora(932, "NUMBER", key.type.kind.value, offset=place(node))
    direction = "d" if order.expressions[0].args.get("desc") else "a"
    return Code(f"agg_{name}({fraction.sql}, '{direction}', {key.sql})", key.type)


def _listagg(compiler: Compiler, node: exp.Expr, scope: Scope, order: exp.Expr | None) -> Code:
    arguments = list(node.expressions)
    distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = [*arguments[0].expressions, *arguments[1:]]
    if not 1 <= len(arguments) <= 2:
        raise ora(909, offset=place(node))
    if order is None and compiler.release < 19:
        raise ora(30491, offset=place(node))
    value = convert(compiler.value(arguments[0], scope), Kind.TEXT, offset=place(node))
    separator = convert(compiler.value(arguments[1], scope), Kind.TEXT).sql if len(arguments) > 1 else "NULL"
    marks, keys = sort_keys(compiler, order, scope) if order else ("", [])
    inputs = [value.sql, separator, "1" if distinct else "0", f"'{marks}'", *(key.sql for key in keys)]
    return Code(f"agg_LISTAGG({', '.join(inputs)})", TEXT)


@handles(VALUES, exp.WithinGroup)
def _within_group(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    check_place(node, scope)
    with scope.aggregating():
        return within_group(compiler, node, scope)


def within_group(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    if not isinstance(node.this, exp.Anonymous) or str(node.this.this).upper() not in ORDERED:
        raise unsupported("WITHIN GROUP of this function", offset=place(node))
    return aggregate(compiler, node.this, scope, order=node.expression)


_KEPT = frozenset({"MIN", "MAX", "SUM", "AVG", "COUNT"})


def keep(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    """MAX(a) KEEP (DENSE_RANK LAST ORDER BY b): the aggregate over the first or last rows only."""
    function, order = node.this, node.args.get("order")
    name = str(function.this).upper()
    if name not in _KEPT or order is None:
        raise unsupported(f"KEEP of {name}", offset=place(node))
    value, _ = _single(compiler, function, scope)
    marks, keys = sort_keys(compiler, order, scope)
    first = "1" if node.args.get("first") else "0"
    inputs = [f"'{name}'", first, f"'{marks}'", value.sql, *(key.sql for key in keys)]
    result = value.type if name in {"MIN", "MAX"} else NUMBER
    return Code(f"agg_KEEP({', '.join(inputs)})", result)
