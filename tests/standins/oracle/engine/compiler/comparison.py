"""Conditions: comparisons with Oracle's conversions, LIKE, BETWEEN, IN, EXISTS, IS NULL, AND, OR, NOT."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.conversion import common_kind, convert
from tests.standins.oracle.engine.compiler.core import CONDITIONS, TESTS, Compiler, handles
from tests.standins.oracle.engine.compiler.scope import Code, Query, Scope
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import LARGE, Kind
from tests.standins.oracle.engine.strictness import place
from tests.standins.oracle.types import OraType

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
_MAX_LIST = 1000


def comparable(left: Code, right: Code, offset: int) -> tuple[Code, Code]:
    """Both sides in the kind in which Oracle compares them."""
    for code in (left, right):
        if code.type.kind is Kind.LONG:
            raise ora(997, offset=offset)
        if code.type.kind in LARGE:
            raise ora(932, "-", code.type.kind.value, offset=offset)
    kind = common_kind(left.type.kind, right.type.kind, offset=offset)
    if kind is Kind.NULL:
        return left, right
    if kind is Kind.TEXT and _blank_padded(left, right):
        return _unpadded(left), _unpadded(right)
    first, second = convert(left, kind), convert(right, kind)
    if kind is Kind.ZONED:  # the same instant in two zones is equal
        return _instant(first), _instant(second)
    return first, second


def _blank_padded(left: Code, right: Code) -> bool:
    """CHAR compares with CHAR and with literals as if both were filled up with blanks."""
    fixed = [code.type.ora is OraType.CHAR or code.sql.startswith("'") for code in (left, right)]
    return all(fixed) and OraType.CHAR in {left.type.ora, right.type.ora}


def _unpadded(code: Code) -> Code:
    return Code(f"rtrim({code.sql}, ' ')", code.type, code.nullable)


def _instant(code: Code) -> Code:
    return Code(f"substr({code.sql}, 1, 27)", code.type, code.nullable)


@handles(CONDITIONS, *_OPERATORS)
def _compare(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    if isinstance(node.expression, exp.Any | exp.All):
        return _quantified(compiler, node, scope)
    if isinstance(node.this, exp.Tuple):
        raise unsupported("comparison of lists", offset=place(node))
    left, right = compiler.value(node.this, scope), compiler.value(node.expression, scope)
    first, second = comparable(left, right, place(node.this))
    return f"({first.sql} {_OPERATORS[type(node)]} {second.sql})"


def _quantified(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    query = node.expression.this
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Any) and isinstance(query, exp.Query):
        return _in_query(compiler, [compiler.value(node.this, scope)], query, scope)
    if isinstance(node, exp.NEQ) and isinstance(node.expression, exp.All) and isinstance(query, exp.Query):
        return f"(NOT {_in_query(compiler, [compiler.value(node.this, scope)], query, scope)})"
    raise unsupported("ANY or ALL", offset=place(node))


@handles(CONDITIONS, exp.Between)
def _between(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    value = compiler.value(node.this, scope)
    low = comparable(value, compiler.value(node.args["low"], scope), place(node.this))
    high = comparable(value, compiler.value(node.args["high"], scope), place(node.this))
    return f"({low[0].sql} >= {low[1].sql} AND {high[0].sql} <= {high[1].sql})"


@handles(CONDITIONS, exp.And)
def _and(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    parts = [compiler.condition(part, scope) for part in node.flatten()]
    return f"({' AND '.join(parts)})"


@handles(CONDITIONS, exp.Or)
def _or(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    parts = [compiler.condition(part, scope) for part in node.flatten()]
    return f"({' OR '.join(parts)})"


@handles(CONDITIONS, exp.Not)
def _not(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    return f"(NOT {compiler.condition(node.this, scope)})"


@handles(CONDITIONS, exp.Paren)
def _paren(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    return f"({compiler.condition(node.this, scope)})"


@handles(CONDITIONS, exp.Is)
def _is_null(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    negated = isinstance(node.expression, exp.Not)
    tested = node.expression.this if negated else node.expression
    if not isinstance(tested, exp.Null):
        raise ora(908, offset=place(node))
    value = compiler.value(node.this, scope)
    return f"({value.sql} IS {'NOT ' if negated else ''}NULL)"


@handles(CONDITIONS, exp.Like)
def _like(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    return _like_code(compiler, node, scope, "NULL")


@handles(CONDITIONS, exp.Escape)
def _like_escape(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    escape = convert(compiler.value(node.expression, scope), Kind.TEXT)
    return _like_code(compiler, node.this, scope, escape.sql)


def _like_code(compiler: Compiler, node: exp.Expr, scope: Scope, escape: str) -> str:
    if not isinstance(node, exp.Like):
        raise ora(933, offset=place(node))
    sides = []
    for side in (node.this, node.expression):
        code = compiler.value(side, scope)
        if code.type.kind is Kind.LONG:
            raise ora(932, "CHAR", "LONG", offset=place(side))
        sides.append(code if code.type.kind is Kind.CLOB else convert(code, Kind.TEXT, offset=place(side)))
    call = f"like_({sides[0].sql}, {sides[1].sql}, {escape})"
    return f"(NOT {call})" if node.args.get("negate") else call


@handles(CONDITIONS, exp.Exists)
def _exists(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    return f"EXISTS ({compiler.query(node.this, scope).sql})"


@handles(CONDITIONS, exp.In)
def _in(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    items = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
    left = [compiler.value(item, scope) for item in items]
    query = node.args.get("query")
    if query is not None:
        return _in_query(compiler, left, query, scope)
    options = node.expressions
    if not options:
        raise ora(936, offset=place(node))
    if len(options) > _MAX_LIST:
        raise ora(1795, offset=place(options[_MAX_LIST]))
    if len(left) == 1:
        return _in_list(compiler, left[0], options, scope)
    return "(" + " OR ".join(_equals(compiler, left, option, scope) for option in options) + ")"


def _in_list(compiler: Compiler, left: Code, options: list[exp.Expr], scope: Scope) -> str:
    lists: dict[str, list[str]] = {}
    for option in options:
        first, second = comparable(left, compiler.value(option, scope), place(option))
        lists.setdefault(first.sql, []).append(second.sql)
    return "(" + " OR ".join(f"{own} IN ({', '.join(others)})" for own, others in lists.items()) + ")"


def _equals(compiler: Compiler, left: list[Code], option: exp.Expr, scope: Scope) -> str:
    items = option.expressions if isinstance(option, exp.Tuple) else [option]
    if len(items) != len(left):
        raise ora(920, offset=place(option))
    pairs = [
        comparable(one, compiler.value(other, scope), place(other)) for one, other in zip(left, items, strict=True)
    ]
    return "(" + " AND ".join(f"{first.sql} = {second.sql}" for first, second in pairs) + ")"


def _in_query(compiler: Compiler, left: list[Code], node: exp.Expr, scope: Scope) -> str:
    query = compiler.query(node, scope)
    if len(query.outputs) != len(left):
        raise ora(913 if len(query.outputs) > len(left) else 947, offset=place(node))
    alias = compiler.alias("q")
    own, theirs = [], []
    for index, (code, output) in enumerate(zip(left, query.outputs, strict=True), 1):
        first, second = comparable(code, Code(f"`{alias}`.`c{index}`", output.type), place(node))
        own.append(first.sql)
        theirs.append(second.sql)
    return f"(({', '.join(own)}) IN ({_projected(query, alias, theirs)}))"


def _projected(query: Query, alias: str, columns: list[str]) -> str:
    plain = [f"`{alias}`.`c{index}`" for index in range(1, len(columns) + 1)]
    if columns == plain:
        return query.sql
    return f"SELECT {', '.join(columns)} FROM ({query.sql}) AS `{alias}`"


@handles(CONDITIONS, exp.Anonymous)
def _call(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    handler = TESTS.get(str(node.this).upper())
    if handler is None:
        raise ora(920, offset=place(node))
    return handler(compiler, node, scope)
