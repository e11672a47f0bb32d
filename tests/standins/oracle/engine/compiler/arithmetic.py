"""+ - * / and ||, chosen by the types of both sides."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.conversion import convert
from tests.standins.oracle.engine.compiler.core import VALUES, Compiler, handles
from tests.standins.oracle.engine.compiler.scope import Code, Scope
from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.sqltypes import (
    CLOB,
    DATE,
    DOUBLE,
    INTERVAL,
    MOMENTS,
    NUMBER,
    NUMERIC,
    TIMESTAMP,
    ZONED,
    Kind,
    SqlType,
    text,
)
from tests.standins.oracle.engine.strictness import place

_MOST_ARGUMENTS = 100
_STAMPS = {Kind.TIMESTAMP: TIMESTAMP, Kind.ZONED: ZONED, Kind.DATE: DATE}


def _operands(compiler: Compiler, node: exp.Expr, scope: Scope) -> tuple[Code, Code]:
    """Both sides; text counts as a number and NULL as whatever the other side wants."""
    left, right = compiler.value(node.this, scope), compiler.value(node.expression, scope)
    return tuple(  # type: ignore[return-value]  # a pair stays a pair
        convert(code, Kind.NUMBER, offset=place(side)) if code.type.kind in {Kind.TEXT, Kind.NULL} else code
        for code, side in ((left, node.this), (right, node.expression))
    )


def _mismatch(expected: Kind, got: Kind, node: exp.Expr) -> Exception:
    return ora(932, expected.value, got.value, offset=place(node))


def _numbers(name: str, left: Code, right: Code) -> Code:
    double = Kind.DOUBLE in (left.type.kind, right.type.kind)
    result: SqlType = DOUBLE if double else NUMBER
    return Code(f"{name}({left.sql}, {right.sql})", result, left.nullable or right.nullable)


@handles(VALUES, exp.Add)
def _add(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    left, right = _operands(compiler, node, scope)
    kinds = (left.type.kind, right.type.kind)
    if kinds[1] in MOMENTS or (kinds[1] is Kind.INTERVAL and kinds[0] is not Kind.INTERVAL):
        if kinds[0] in MOMENTS and kinds[1] in MOMENTS:
            raise ora(975, offset=place(node))
        if kinds[1] in MOMENTS:
            left, right, kinds = right, left, (kinds[1], kinds[0])
    if kinds[0] in NUMERIC and kinds[1] in NUMERIC:
        return _numbers("plus", left, right)
    return _shifted("plus", left, right, node)


@handles(VALUES, exp.Sub)
def _subtract(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    left, right = _operands(compiler, node, scope)
    kinds = (left.type.kind, right.type.kind)
    if kinds[0] in NUMERIC and kinds[1] in NUMERIC:
        return _numbers("subtract", left, right)
    if kinds[0] in MOMENTS and kinds[1] in MOMENTS:
        result = NUMBER if kinds == (Kind.DATE, Kind.DATE) else INTERVAL
        name = "days_between" if result is NUMBER else "span_between"
        return Code(f"{name}({left.sql}, {right.sql})", result, left.nullable or right.nullable)
    return _shifted("minus", left, right, node)


def _shifted(name: str, left: Code, right: Code, node: exp.Expr) -> Code:
    """A moment moved by days or by an interval, or two intervals."""
    base, by = left.type.kind, right.type.kind
    nullable = left.nullable or right.nullable
    if base in MOMENTS and by is Kind.INTERVAL:
        return Code(f"{name}_span({left.sql}, {right.sql})", _STAMPS[base], nullable)
    if base in MOMENTS and by in NUMERIC:
        day = convert(left, Kind.DATE)
        return Code(f"{name}_days({day.sql}, {right.sql})", DATE, nullable)
    if base is Kind.INTERVAL and by is Kind.INTERVAL:
        return Code(f"{name}_span({left.sql}, {right.sql})", INTERVAL, nullable)
    expected = Kind.NUMBER if base in NUMERIC else base
    raise _mismatch(expected, by if base in NUMERIC or base in MOMENTS else base, node)


@handles(VALUES, exp.Mul)
def _multiply(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    left, right = _operands(compiler, node, scope)
    kinds = (left.type.kind, right.type.kind)
    if kinds[1] is Kind.INTERVAL and kinds[0] in NUMERIC:
        left, right, kinds = right, left, (kinds[1], kinds[0])
    if kinds[0] is Kind.INTERVAL and kinds[1] in NUMERIC:
        return Code(f"multiply_span({left.sql}, {right.sql})", INTERVAL)
    _demand_numbers(left, right, node)
    return _numbers("multiply", left, right)


@handles(VALUES, exp.Div)
def _divide(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    left, right = _operands(compiler, node, scope)
    if left.type.kind is Kind.INTERVAL and right.type.kind in NUMERIC:
        return Code(f"divide_span({left.sql}, {right.sql})", INTERVAL)
    _demand_numbers(left, right, node)
    return _numbers("divide", left, right)


def _demand_numbers(left: Code, right: Code, node: exp.Expr) -> None:
    for code, side in ((left, node.this), (right, node.expression)):
        if code.type.kind not in NUMERIC:
            raise _mismatch(Kind.NUMBER, code.type.kind, side)


@handles(VALUES, exp.Neg)
def _negate(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    code = compiler.value(node.this, scope)
    if code.type.kind is Kind.INTERVAL:
        minus = compiler.value(exp.Literal.number(-1), scope)
        return Code(f"multiply_span({code.sql}, {minus.sql})", INTERVAL)
    number = convert(code, Kind.NUMBER, offset=place(node))
    return Code(f"negate({number.sql})", number.type, number.nullable)


@handles(VALUES, exp.DPipe)
def _concatenate(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    codes = [compiler.value(part, scope) for part in _parts(node)]
    large = any(code.type.kind is Kind.CLOB for code in codes)
    texts = [code if code.type.kind is Kind.CLOB else convert(code, Kind.TEXT) for code in codes]
    sql = texts[0].sql
    for start in range(1, len(texts), _MOST_ARGUMENTS):
        more = ", ".join(code.sql for code in texts[start : start + _MOST_ARGUMENTS])
        sql = f"{'concat_clob' if large else 'concat'}({sql}, {more})"
    type_ = CLOB if large else text(sum(code.type.size for code in texts))
    return Code(sql, type_, all(code.nullable for code in texts))


def _parts(node: exp.Expr) -> list[exp.Expr]:
    """The operands of a chain of ||; nested one by one they would be too deep for SQLite."""
    parts: list[exp.Expr] = []
    while isinstance(node, exp.DPipe):
        parts.insert(0, node.expression)
        node = node.this
    return [node, *parts]
