"""UNION, MINUS, INTERSECT, parenthesised queries and scalar subqueries."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.conversion import unify
from tests.standins.oracle.engine.compiler.core import QUERIES, VALUES, Compiler, handles
from tests.standins.oracle.engine.compiler.ordering import order_items, paging
from tests.standins.oracle.engine.compiler.scope import Code, Output, Query, Scope
from tests.standins.oracle.engine.compiler.sources import add_common
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import LARGE, SqlType
from tests.standins.oracle.engine.strictness import place

_WORDS: dict[type[exp.Expr], str] = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}


@handles(QUERIES, *_WORDS)
def _set_operation(compiler: Compiler, node: exp.Expr, parent: Scope | None) -> Query:
    scope = Scope(parent=parent)
    common = add_common(compiler, node, scope)
    left, right = compiler.query(node.this, scope), compiler.query(node.expression, scope)
    if len(left.outputs) != len(right.outputs):
        raise ora(1789, offset=place(node.this))
    word = _WORDS[type(node)] + ("" if node.args.get("distinct") else " ALL")
    if word in {"EXCEPT ALL", "INTERSECT ALL"} and compiler.release < 21:
        raise ora(933, offset=place(node))
    pairs = [_common_type(one, other, word, node) for one, other in zip(left.outputs, right.outputs, strict=True)]
    first = _branch(compiler, left, [pair[0] for pair in pairs])
    second = _branch(compiler, right, [pair[1] for pair in pairs], last=True)
    outputs = [Output(output.name, pair[2], output.nullable) for output, pair in zip(left.outputs, pairs, strict=True)]
    order = order_items(compiler, node.args.get("order"), outputs, None)
    tail = f" ORDER BY {', '.join(order)}" if order else ""
    tail += paging(compiler, node, None)
    sql = f"{common}{first} {word} {second}{tail}"
    return Query(sql, tuple(outputs), bare=not common and not tail, chain=True)


def _common_type(left: Output, right: Output, word: str, node: exp.Expr) -> tuple[Code, Code, SqlType]:
    """Both branches' column brought to one type: how each is converted, and the type."""
    codes = [Code("{}", left.type), Code("{}", right.type)]
    converted, type_ = unify(codes, error=1790, offset=place(node))
    if type_.kind in LARGE and not word.endswith("ALL"):
        raise ora(932, "-", type_.kind.value, offset=place(node))
    return converted[0], converted[1], type_


def _branch(compiler: Compiler, query: Query, codes: list[Code], *, last: bool = False) -> str:
    """A branch as it stands if it can, else as a subquery; a chain cannot be the right-hand side."""
    if query.bare and not (last and query.chain) and all(code.sql == "{}" for code in codes):
        return query.sql
    alias = compiler.alias("u")
    columns = [
        code.sql.replace("{}", f"`{alias}`.`c{index}`") + f" AS `c{index}`" for index, code in enumerate(codes, 1)
    ]
    return f"SELECT {', '.join(columns)} FROM ({query.sql}) AS `{alias}`"


@handles(QUERIES, exp.Subquery)
def _parenthesised(compiler: Compiler, node: exp.Expr, parent: Scope | None) -> Query:
    scope = Scope(parent=parent)
    common = add_common(compiler, node, scope)
    query = compiler.query(node.this, scope)
    order = order_items(compiler, node.args.get("order"), list(query.outputs), None)
    pages = paging(compiler, node, None)
    if not (common or order or pages):
        return query
    sql = f"{common}SELECT * FROM ({query.sql})"
    sql += f" ORDER BY {', '.join(order)}" if order else ""
    return Query(sql + pages, query.outputs)


@handles(VALUES, exp.Subquery)
def _scalar(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    """A subquery as a value: one column, at most one row."""
    query = compiler.query(node, scope)
    if len(query.outputs) != 1:
        raise ora(913, offset=place(node))
    output = query.outputs[0]
    return Code(f"(SELECT agg_SINGLE(`c1`) FROM ({query.sql}))", output.type)


@handles(VALUES, exp.Select)
def _bare(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    raise ora(936, offset=place(node))


@handles(VALUES, exp.Tuple)
def _tuple(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    raise ora(907, offset=place(node))


@handles(VALUES, exp.Distinct)
def _distinct(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    raise unsupported("DISTINCT in this place", offset=place(node))
