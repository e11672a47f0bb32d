"""NVL and its relatives, CASE and DECODE, GREATEST and LEAST: what type they have and when they look at a branch."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.comparison import comparable
from tests.standins.oracle.engine.compiler.conversion import common_kind, convert, unify, widest
from tests.standins.oracle.engine.compiler.core import VALUES, Compiler, handles, handles_call
from tests.standins.oracle.engine.compiler.scope import Code, Scope
from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.sqltypes import NUMERIC, Kind
from tests.standins.oracle.engine.strictness import place


def arguments(compiler: Compiler, node: exp.Expr, scope: Scope, *, least: int, most: int | None) -> list[Code]:
    """Compile the arguments of a call, ORA-00909 when their number is wrong."""
    count = len(node.expressions)
    if count < least or (most is not None and count > most):
        raise ora(909, offset=place(node))
    return [compiler.value(argument, scope) for argument in node.expressions]


@handles_call("NVL")
def _nvl(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    value, fallback = arguments(compiler, node, scope, least=2, most=2)
    kind = value.type.kind if value.type.kind is not Kind.NULL else fallback.type.kind
    if kind in NUMERIC:
        kind = common_kind(kind, fallback.type.kind, offset=place(node))
    first, second = convert(value, kind), convert(fallback, kind, offset=place(node.expressions[1]))
    type_ = widest([first.type, second.type], kind)
    return Code(f"nvl({first.sql}, {second.sql})", type_, second.nullable)


@handles_call("NVL2")
def _nvl2(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    value, present, absent = arguments(compiler, node, scope, least=3, most=3)
    kind = present.type.kind if present.type.kind is not Kind.NULL else absent.type.kind
    if kind in NUMERIC:
        kind = common_kind(kind, absent.type.kind, offset=place(node))
    first, second = convert(present, kind), convert(absent, kind, offset=place(node.expressions[2]))
    sql = f"CASE WHEN {value.sql} IS NOT NULL THEN {first.sql} ELSE {second.sql} END"
    return Code(sql, widest([first.type, second.type], kind))


@handles_call("COALESCE")
def _coalesce(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    codes, type_ = unify(arguments(compiler, node, scope, least=2, most=None), offset=place(node))
    nullable = all(code.nullable for code in codes)
    return Code(f"COALESCE({', '.join(code.sql for code in codes)})", type_, nullable)


@handles_call("NULLIF")
def _nullif(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    value, other = arguments(compiler, node, scope, least=2, most=2)
    if value.type.kind is Kind.NULL:
        raise ora(932, "-", "CHAR", offset=place(node))
    if value.type.kind is not other.type.kind and not {value.type.kind, other.type.kind} <= NUMERIC:
        raise ora(932, value.type.kind.value, other.type.kind.value, offset=place(node))
    first, second = comparable(value, other, place(node))
    return Code(f"CASE WHEN {first.sql} = {second.sql} THEN NULL ELSE {value.sql} END", value.type)


@handles_call("LNNVL")
def _lnnvl(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    raise ora(920, offset=place(node))


@handles_call("GREATEST", "LEAST")
def _extreme(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    codes = arguments(compiler, node, scope, least=1, most=None)
    kind = codes[0].type.kind
    if kind in NUMERIC | {Kind.NULL}:
        for code in codes[1:]:
            kind = common_kind(kind, code.type.kind, offset=place(node))
    same = [convert(code, kind, offset=place(node)) for code in codes]
    name = "greatest" if str(node.this).upper() == "GREATEST" else "least"
    return Code(f"{name}({', '.join(code.sql for code in same)})", widest([code.type for code in same], kind))


@handles(VALUES, exp.Case)
def _case(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    ifs, default = node.args["ifs"], node.args.get("default")
    results = [compiler.value(branch.args["true"], scope) for branch in ifs]
    if default is not None:
        results.append(compiler.value(default, scope))
    codes, type_ = unify(results, offset=place(node))
    tests = [_case_test(compiler, node, branch, scope) for branch in ifs]
    whens = "".join(f" WHEN {test} THEN {code.sql}" for test, code in zip(tests, codes, strict=False))
    otherwise = f" ELSE {codes[-1].sql}" if default is not None else ""
    nullable = default is None or any(code.nullable for code in codes)
    return Code(f"CASE{whens}{otherwise} END", type_, nullable)


def _case_test(compiler: Compiler, node: exp.Expr, branch: exp.Expr, scope: Scope) -> str:
    if node.this is None:
        return compiler.condition(branch.this, scope)
    selector, option = compiler.value(node.this, scope), compiler.value(branch.this, scope)
    first, second = comparable(selector, option, place(branch))
    return f"{first.sql} = {second.sql}"


@handles_call("DECODE")
def _decode(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    codes = arguments(compiler, node, scope, least=3, most=255)
    value, rest = codes[0], codes[1:]
    default = rest.pop() if len(rest) % 2 else None
    searches, results = rest[0::2], rest[1::2]
    kind = results[0].type.kind
    kind = Kind.TEXT if kind is Kind.NULL else kind
    searched = searches[0].type.kind if searches[0].type.kind is not Kind.NULL else value.type.kind
    whens = "".join(
        f" WHEN {_decode_test(value, search, searched, place(node))}"
        f" THEN {convert(result, kind, offset=place(node)).sql}"
        for search, result in zip(searches, results, strict=True)
    )
    otherwise = f" ELSE {convert(default, kind, offset=place(node)).sql}" if default else ""
    branches = [*results, *([default] if default else [])]
    type_ = widest([convert(branch, kind).type for branch in branches], kind)
    return Code(f"CASE{whens}{otherwise} END", type_)


def _decode_test(value: Code, search: Code, kind: Kind, offset: int) -> str:
    if kind is Kind.NULL:
        return f"{value.sql} IS {search.sql}"
    first, second = convert(value, kind, offset=offset), convert(search, kind, offset=offset)
    return f"{first.sql} IS {second.sql}"
