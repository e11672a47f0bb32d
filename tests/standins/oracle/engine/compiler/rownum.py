"""ROWNUM: conditions on it become a LIMIT on the rows that the rest of WHERE lets through."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.conversion import convert
from tests.standins.oracle.engine.compiler.core import Compiler
from tests.standins.oracle.engine.compiler.scope import Clause, Scope
from tests.standins.oracle.engine.errors import unsupported
from tests.standins.oracle.engine.sqltypes import Kind
from tests.standins.oracle.engine.strictness import place

_MIRRORED = {exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE, exp.EQ: exp.EQ}
_OPERATORS = {exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.EQ: "="}


def is_rownum(node: exp.Expr) -> bool:
    return (
        isinstance(node, exp.Column)
        and isinstance(node.this, exp.Identifier)
        and not node.this.args.get("quoted")
        and node.args.get("table") is None
        and str(node.this.this).upper() == "ROWNUM"
    )


def uses_rownum(node: exp.Expr | None) -> bool:
    """Does an expression of this query block name ROWNUM?"""
    if node is None:
        return False
    return any(is_rownum(one) for one in node.walk(prune=lambda one: isinstance(one, exp.Query) and one is not node))


def split(conjuncts: list[exp.Expr]) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """Conditions without and with ROWNUM."""
    plain = [one for one in conjuncts if not uses_rownum(one)]
    return plain, [one for one in conjuncts if uses_rownum(one)]


def limit(compiler: Compiler, conditions: list[exp.Expr], scope: Scope) -> str:
    """The SQL of how many rows pass all conditions on ROWNUM."""
    with scope.at(Clause.WHERE):
        limits = [part for condition in conditions for part in _limits(compiler, condition, scope)]
    return limits[0] if len(limits) == 1 else f"MIN({', '.join(limits)})"


def _limits(compiler: Compiler, node: exp.Expr, scope: Scope) -> list[str]:
    if isinstance(node, exp.Paren):
        return _limits(compiler, node.this, scope)
    if isinstance(node, exp.Between) and is_rownum(node.this):
        return [
            _limit(compiler, ">=", node.args["low"], scope),
            _limit(compiler, "<=", node.args["high"], scope),
        ]
    kind = type(node)
    if kind in _OPERATORS and is_rownum(node.this):
        return [_limit(compiler, _OPERATORS[kind], node.expression, scope)]
    if kind in _OPERATORS and is_rownum(node.expression):
        return [_limit(compiler, _OPERATORS[_MIRRORED[kind]], node.this, scope)]
    raise unsupported("this condition on ROWNUM", offset=place(node))


def _limit(compiler: Compiler, operator: str, bound: exp.Expr, scope: Scope) -> str:
    if uses_rownum(bound) or bound.find(exp.Column):
        raise unsupported("ROWNUM compared with a column", offset=place(bound))
    number = convert(compiler.value(bound, scope), Kind.NUMBER, offset=place(bound))
    return f"rownum_limit('{operator}', {number.sql})"
