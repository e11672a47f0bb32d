"""Analytic functions: OVER, with windows as Oracle has them."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.aggregates import (
    AGGREGATES,
    aggregate,
    check_place,
    is_keep,
    keep,
    within_group,
)
from tests.standins.oracle.engine.compiler.conversion import convert
from tests.standins.oracle.engine.compiler.core import VALUES, Compiler, handles, handles_call
from tests.standins.oracle.engine.compiler.nulls import arguments
from tests.standins.oracle.engine.compiler.scope import Clause, Code, Scope
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import NUMBER, Kind
from tests.standins.oracle.engine.strictness import place

_RANKS = {"ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST"}
_SHIFTS = {"LAG", "LEAD"}
_ENDS = {"FIRST_VALUE", "LAST_VALUE"}
ANALYTIC_ONLY = _RANKS | _SHIFTS | _ENDS | {"NTILE", "NTH_VALUE", "RATIO_TO_REPORT"}
_NEEDS_ORDER = _RANKS | _SHIFTS | {"NTILE"}
_FORBIDDEN_IN = {Clause.WHERE, Clause.ON, Clause.GROUP, Clause.HAVING}


@handles_call(*sorted(ANALYTIC_ONLY))
def _without_window(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    raise ora(30484, offset=place(node))


@handles(VALUES, exp.Window)
def _window(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    if is_keep(node):
        check_place(node, scope)
        with scope.aggregating():
            return keep(compiler, node, scope)
    if scope.clause in _FORBIDDEN_IN or scope.depth:
        raise ora(30483, offset=place(node))
    if node.args.get("alias") is not None:
        raise unsupported("named window", offset=place(node))
    over = _over(compiler, node, scope)
    return _analytic(compiler, node.this, scope, over, has_order=node.args.get("order") is not None)


def _analytic(compiler: Compiler, node: exp.Expr, scope: Scope, over: str, *, has_order: bool) -> Code:
    if isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
        raise unsupported("IGNORE NULLS", offset=place(node))
    if isinstance(node, exp.WithinGroup):
        return _windowed(within_group(compiler, node, scope), over)
    if isinstance(node, exp.Window):
        return _windowed(keep(compiler, node, scope), over)
    name = str(node.this).upper()
    if name in _NEEDS_ORDER and not has_order:
        raise ora(30485, offset=place(node))
    if name == "RATIO_TO_REPORT":
        return _ratio(compiler, node, scope, over)
    if name in ANALYTIC_ONLY:
        return _builtin(compiler, node, scope, over)
    if name in AGGREGATES:
        return _windowed(aggregate(compiler, node, scope), over)
    raise unsupported(f"{name} OVER", offset=place(node))


def _windowed(code: Code, over: str) -> Code:
    """Put OVER behind the aggregate, inside the conversion of a count."""
    if code.sql.startswith("num("):
        return Code(f"num({code.sql[4:-1]} {over})", code.type, code.nullable)
    return Code(f"{code.sql} {over}", code.type, code.nullable)


def _ratio(compiler: Compiler, node: exp.Expr, scope: Scope, over: str) -> Code:
    value = convert(arguments(compiler, node, scope, least=1, most=1)[0], Kind.NUMBER)
    if "ORDER BY" in over:
        raise ora(30487, offset=place(node))
    return Code(f"divide({value.sql}, agg_SUM({value.sql}) {over})", NUMBER)


def _builtin(compiler: Compiler, node: exp.Expr, scope: Scope, over: str) -> Code:
    name = str(node.this).upper()
    codes = arguments(compiler, node, scope, least=0 if name in _RANKS else 1, most=3)
    if name in _RANKS:
        return Code(f"num({name}() {over})", NUMBER, nullable=False)
    if name == "NTILE":
        return Code(f"num(NTILE(whole({codes[0].sql})) {over})", NUMBER)
    value, rest = codes[0], codes[1:]
    inputs = [value.sql]
    if rest:
        inputs.append(f"whole({convert(rest[0], Kind.NUMBER).sql})")
    if len(rest) > 1:
        inputs.append(convert(rest[1], value.type.kind, offset=place(node)).sql)
    return Code(f"{name}({', '.join(inputs)}) {over}", value.type)


def _over(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    parts = []
    partition = node.args.get("partition_by") or []
    if partition:
        keys = [compiler.value(item, scope).sql for item in partition]
        parts.append(f"PARTITION BY {', '.join(keys)}")
    order = node.args.get("order")
    if order is not None:
        items = [_window_order(compiler, item, scope) for item in order.expressions]
        parts.append(f"ORDER BY {', '.join(items)}")
    spec = node.args.get("spec")
    if spec is not None:
        parts.append(_frame(compiler, spec, scope))
    return f"OVER ({' '.join(parts)})"


def _window_order(compiler: Compiler, item: exp.Expr, scope: Scope) -> str:
    code = compiler.value(item.this, scope)
    return f"{code.sql} {direction(item)}"


def direction(item: exp.Expr) -> str:
    """ASC or DESC with the place of NULLs spelled out; in Oracle they are the largest."""
    nulls = "FIRST" if item.args.get("nulls_first") else "LAST"
    return f"{'DESC' if item.args.get('desc') else 'ASC'} NULLS {nulls}"


def _frame(compiler: Compiler, spec: exp.Expr, scope: Scope) -> str:
    kind = str(spec.args.get("kind") or "").upper()
    bounds = [_bound(compiler, spec, side, kind, scope) for side in ("start", "end")]
    if spec.args.get("end") is None:
        return f"{kind} {bounds[0]}"
    return f"{kind} BETWEEN {bounds[0]} AND {bounds[1]}"


def _bound(compiler: Compiler, spec: exp.Expr, side: str, kind: str, scope: Scope) -> str:
    bound = spec.args.get(side)
    if bound is None:
        return ""
    if isinstance(bound, str):
        return f"{bound} {spec.args.get(f'{side}_side') or ''}".strip().upper()
    if kind != "ROWS":
        raise unsupported("RANGE with an offset", offset=place(spec))
    if not isinstance(bound, exp.Literal):
        raise unsupported("window bound that is not a number", offset=place(spec))
    _ = compiler.value(bound, scope)
    return f"{int(str(bound.this))} {spec.args.get(f'{side}_side')}".upper()
