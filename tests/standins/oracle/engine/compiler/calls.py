"""Calls of Oracle functions: the function table says what each takes and gives."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.conversion import convert
from tests.standins.oracle.engine.compiler.core import (
    CALLS,
    TESTS,
    VALUES,
    Compiler,
    handles,
    handles_call,
)
from tests.standins.oracle.engine.compiler.scope import Code, Scope
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.functions.registry import FUNCTIONS, NOT_SIMULATED, Function
from tests.standins.oracle.engine.sqltypes import (
    LARGE,
    MOMENTS,
    NUMBER,
    NUMERIC,
    TEXTUAL,
    Kind,
    SqlType,
    parse_type,
)
from tests.standins.oracle.engine.strictness import place
from tests.standins.oracle.types import OraType


@handles(VALUES, exp.Anonymous)
def _call(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    name = str(node.this).upper()
    handler = CALLS.get(name)
    if handler is not None:
        return handler(compiler, node, scope)
    function = FUNCTIONS.get(name)
    if name in NOT_SIMULATED:
        raise unsupported(name, offset=place(node))
    if function is None or function.condition:
        raise ora(904, f'"{name}"', offset=place(node))
    return call(compiler, function, node.expressions, scope, place(node))


def call(compiler: Compiler, function: Function, nodes: list[exp.Expr], scope: Scope, offset: int) -> Code:
    """A call of a table function, arguments converted to what it takes."""
    if not function.least <= len(nodes) <= function.most:
        raise ora(938 if len(nodes) < function.least else 939, offset=offset)
    codes = [
        argument(compiler.value(node, scope), function.wanted(index), place(node) or offset)
        for index, node in enumerate(nodes)
    ]
    sql = f"f_{function.name.replace('.', '_')}({', '.join(code.sql for code in codes)})"
    return Code(sql, function.result([code.type for code in codes]))


def argument(code: Code, wanted: str, offset: int) -> Code:
    """Convert an argument to what the function's signature says."""
    kind = code.type.kind
    if kind is Kind.NULL or wanted == "any":
        return code
    if kind is Kind.LONG:
        raise ora(932, "CHAR", "LONG", offset=offset)
    if wanted == "number":
        return code if kind in NUMERIC else convert(code, Kind.NUMBER, offset=offset)
    if wanted == "text":
        return code if kind in TEXTUAL else convert(code, Kind.TEXT, offset=offset)
    if wanted == "moment":
        return code if kind in MOMENTS else convert(code, Kind.DATE, offset=offset)
    return convert(code, _WANTED[wanted], offset=offset)


_WANTED = {
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "zoned": Kind.ZONED,
    "interval": Kind.INTERVAL,
    "raw": Kind.RAW,
}


def _condition(function: Function) -> None:
    def test(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
        return call(compiler, function, node.expressions, scope, place(node)).sql

    TESTS[function.name] = test


for _function in FUNCTIONS.values():
    if _function.condition:
        _condition(_function)


@handles(VALUES, exp.Dot)
def _package_call(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    """DBMS_LOB.SUBSTR(…) and the like."""
    path: list[exp.Expr] = []
    while isinstance(node, exp.Dot):
        path.insert(0, node.expression)
        node = node.this
    names = [str(part.this).upper() for part in (node, *path)]
    function = FUNCTIONS.get(".".join(names[-2:]))
    target = path[-1]
    if function is None:
        raise ora(904, ".".join(f'"{name}"' for name in names), offset=place(node))
    return call(compiler, function, target.expressions, scope, place(target))


@handles(VALUES, exp.Trim)
def _trim(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    value = argument(compiler.value(node.this, scope), "text", place(node))
    side = str(node.args.get("position") or "BOTH").upper()
    blank = node.args.get("expression")
    removed = argument(compiler.value(blank, scope), "text", place(node)).sql if blank else "' '"
    return Code(f"trim_({value.sql}, {removed}, '{side}')", value.type.sized(value.type.size or 4000))


@handles(VALUES, exp.Extract)
def _extract(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    field = str(node.this.name).upper()
    source = node.expression
    if isinstance(source, exp.Interval) and not isinstance(source.this, exp.Literal):
        source = source.this  # (a - b) DAY TO SECOND
    code = compiler.value(source, scope)
    kind = code.type.kind
    clock = {"HOUR", "MINUTE", "SECOND"}
    fits = {
        Kind.DATE: {"YEAR", "MONTH", "DAY"},
        Kind.TIMESTAMP: {"YEAR", "MONTH", "DAY"} | clock,
        Kind.ZONED: {"YEAR", "MONTH", "DAY", "TIMEZONE_HOUR", "TIMEZONE_MINUTE"} | clock,
        Kind.INTERVAL: {"DAY"} | clock,
        Kind.NULL: {"YEAR", "MONTH", "DAY"} | clock,
    }
    if field not in fits.get(kind, set()):
        raise ora(30076, offset=place(node))
    return Code(f"extract('{field}', {code.sql})", NUMBER)


@handles(VALUES, exp.Cast)
def _cast(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    code = compiler.value(node.this, scope)
    target = parse_type(declared(node.args["to"]))
    offset = place(node.this)
    if code.type.kind in LARGE and target.kind not in {Kind.TEXT, Kind.CLOB}:
        raise ora(932, target.kind.value, code.type.kind.value, offset=offset)
    converted = convert(code, target.kind, offset=offset)
    return Code(_fitted(converted.sql, target, was_text=code.type.kind in TEXTUAL), target, converted.nullable)


def _fitted(sql: str, target: SqlType, *, was_text: bool) -> str:
    """Round or cut a value to a declared type."""
    if target.kind is Kind.NUMBER and target.precision:
        return f"fit_number({sql}, {target.precision}, {target.scale})"
    if target.kind is Kind.TEXT and target.size:
        fitted = f"{'fit_text' if was_text else 'fit_converted'}({sql}, {target.size})"
        return f"padded({fitted}, {target.size})" if target.ora is OraType.CHAR else fitted
    return sql


_DECLARATIONS = {
    exp.DType.DECIMAL: "NUMBER",
    exp.DType.BIGDECIMAL: "NUMBER",
    exp.DType.INT: "INTEGER",
    exp.DType.SMALLINT: "INTEGER",
    exp.DType.VARCHAR: "VARCHAR2",
    exp.DType.NVARCHAR: "NVARCHAR2",
    exp.DType.CHAR: "CHAR",
    exp.DType.DOUBLE: "BINARY_DOUBLE",
    exp.DType.FLOAT: "BINARY_FLOAT",
    exp.DType.DATE: "DATE",
    exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
    exp.DType.TIMESTAMPLTZ: "TIMESTAMP WITH LOCAL TIME ZONE",
    exp.DType.VARBINARY: "BLOB",
    exp.DType.TEXT: "CLOB",
    exp.DType.BOOLEAN: "BOOLEAN",
}


def declared(node: exp.Expr) -> str:
    """A data type as Oracle spells it."""
    kind = node.this
    if isinstance(kind, exp.Interval):
        return f"INTERVAL {kind.args.get('unit')}".upper()
    name = _DECLARATIONS.get(kind) or str(node.args.get("kind") or kind.name).upper()
    if name == "NUMBER" and any("*" in str(p) for p in node.expressions):
        return "NUMBER"
    sizes = [str(parameter.this.this) for parameter in node.expressions]
    if not sizes:
        return name
    head, _, tail = name.partition(" ")
    return f"{head}({','.join(sizes)}) {tail}".strip()


@handles(VALUES, exp.AtTimeZone)
def _at_time_zone(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    code = compiler.value(node.this, scope)
    zone = argument(compiler.value(node.args["zone"], scope), "text", place(node))
    if code.type.kind not in MOMENTS - {Kind.DATE}:
        raise ora(30081, offset=place(node))
    stamp = convert(code, Kind.ZONED)
    return Code(f"f_AT_TIME_ZONE({stamp.sql}, {zone.sql})", stamp.type)


def _plain(name: str) -> None:
    """A function that is called without parentheses."""

    @handles_call(name)
    def handler(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
        return call(compiler, FUNCTIONS[name], node.expressions, scope, place(node))


_PACKAGED = [name for name, function in FUNCTIONS.items() if "." in name and function.least == 0]
for _name in ("USER", "UID", "SYSDATE", "SESSIONTIMEZONE", "DBTIMEZONE", *_PACKAGED):
    _plain(_name)
