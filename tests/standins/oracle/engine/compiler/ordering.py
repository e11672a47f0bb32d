"""ORDER BY, OFFSET and FETCH FIRST."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.analytic import direction
from tests.standins.oracle.engine.compiler.conversion import convert
from tests.standins.oracle.engine.compiler.core import Compiler, identifier
from tests.standins.oracle.engine.compiler.scope import Clause, Code, Output, Scope
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import LARGE, Kind
from tests.standins.oracle.engine.strictness import place


def order_items(
    compiler: Compiler,
    order: exp.Expr | None,
    outputs: list[Output],
    scope: Scope | None,
) -> list[str]:
    """ORDER BY's items; `scope` is None behind a set operation, where only outputs can be named."""
    if order is None:
        return []
    if order.args.get("siblings"):
        raise unsupported("ORDER SIBLINGS BY", offset=place(order))
    return [_item(compiler, item, outputs, scope) for item in order.expressions]


def _item(
    compiler: Compiler,
    item: exp.Expr,
    outputs: list[Output],
    scope: Scope | None,
) -> str:
    ordinal = _ordinal(item.this, outputs)
    if ordinal is not None:
        if outputs[ordinal - 1].type.kind in LARGE:
            raise ora(932, "-", outputs[ordinal - 1].type.kind.value, offset=place(item))
        return f"{ordinal} {direction(item)}"
    if scope is None:
        raise _unnamed(item.this)
    with scope.at(Clause.ORDER):
        code = compiler.value(item.this, scope)
    if code.type.kind in LARGE:
        raise ora(932, "-", code.type.kind.value, offset=place(item))
    if scope.listed is not None and code.sql not in scope.listed:
        raise ora(1791, offset=place(item))
    return f"{code.sql} {direction(item)}"


def _unnamed(node: exp.Expr) -> Exception:
    if isinstance(node, exp.Column):
        return ora(904, f'"{identifier(node.this)}"', offset=place(node))
    return ora(1785, offset=place(node))


def _ordinal(node: exp.Expr, outputs: list[Output]) -> int | None:
    """The select list item that an ORDER BY item means: by position or by name."""
    if isinstance(node, exp.Literal) and not node.args.get("is_string") and str(node.this).isdigit():
        position = int(str(node.this))
        if not 1 <= position <= len(outputs):
            raise ora(1785, offset=place(node))
        return position
    if not isinstance(node, exp.Column) or node.args.get("table") is not None:
        return None
    name = identifier(node.this)
    hits = [index for index, output in enumerate(outputs, 1) if output.name == name]
    if len(hits) > 1:
        raise ora(960, offset=place(node))
    return hits[0] if hits else None


def with_ties(node: exp.Expr) -> bool:
    fetch = node.args.get("limit")
    options = fetch.args.get("limit_options") if fetch is not None else None
    return options is not None and bool(options.args.get("with_ties"))


def tie_columns(order: list[str], listed: list[str], node: exp.Expr) -> str:
    """Rank and position of each row, from which FETCH … WITH TIES cuts."""
    if node.args.get("distinct") is not None:
        raise unsupported("DISTINCT with FETCH … WITH TIES", offset=place(node))
    keys = ", ".join(_spelled_out(item, listed) for item in order) or "1"
    return f"RANK() OVER (ORDER BY {keys}) AS `tie`, ROW_NUMBER() OVER (ORDER BY {keys}) AS `position`"


def _spelled_out(item: str, listed: list[str]) -> str:
    """An ORDER BY item by its expression: positions mean nothing inside OVER."""
    first, _, rest = item.partition(" ")
    return f"{listed[int(first) - 1]} {rest}" if first.isdigit() else item


def tied(compiler: Compiler, node: exp.Expr, scope: Scope, sql: str, width: int) -> str:
    fetch, offset = node.args["limit"], node.args.get("offset")
    count = _row_count(compiler, fetch.args["count"], scope) if fetch.args.get("count") is not None else "1"
    skipped = _row_count(compiler, offset.expression, scope) if offset is not None else "0"
    columns = ", ".join(f"`c{index}`" for index in range(1, width + 1))
    last = f"{skipped} + {count}"
    return f"SELECT {columns} FROM ({sql}) WHERE `position` > {skipped} AND `tie` <= {last} ORDER BY `position`"


def paging(compiler: Compiler, node: exp.Expr, scope: Scope | None) -> str:
    """OFFSET … FETCH as LIMIT; WITH TIES and PERCENT are refused."""
    fetch, offset = node.args.get("limit"), node.args.get("offset")
    if fetch is None and offset is None:
        return ""
    count = "-1"
    if fetch is not None:
        options = fetch.args.get("limit_options")
        if options is not None and (options.args.get("percent") or (scope is None and with_ties(node))):
            raise unsupported("FETCH … PERCENT, or WITH TIES behind a set operation", offset=place(fetch))
        wanted = fetch.args.get("count")
        count = _row_count(compiler, wanted, scope) if wanted is not None else "1"
    skipped = _row_count(compiler, offset.expression, scope) if offset is not None else "0"
    return f" LIMIT {count} OFFSET {skipped}"


def _row_count(compiler: Compiler, node: exp.Expr, scope: Scope | None) -> str:
    code: Code = compiler.value(node, scope or Scope())
    return f"row_count({convert(code, Kind.NUMBER).sql})"
