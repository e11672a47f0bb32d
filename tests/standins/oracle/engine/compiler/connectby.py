"""CONNECT BY: row generators over LEVEL, and hierarchies of one source through PRIOR."""

from sqlglot import exp

from tests.standins.oracle.engine.compiler.core import Compiler
from tests.standins.oracle.engine.compiler.scope import Block, Scope
from tests.standins.oracle.engine.errors import unsupported
from tests.standins.oracle.engine.strictness import place


def hierarchy(compiler: Compiler, node: exp.Expr, scope: Scope, source: str, where: list[str]) -> Block:
    """The rows of START WITH … CONNECT BY as a source of their own."""
    connect = node.args["connect"]
    if len(scope.sources) != 1 or connect.args.get("nocycle") or connect.args.get("start"):
        raise unsupported("this form of CONNECT BY", offset=place(connect))
    if connect.find(exp.Prior):
        raise unsupported("PRIOR", offset=place(connect))
    own = scope.sources[0]
    name = compiler.alias("h")
    scope.level = f"`{name}`.`level`"
    condition = compiler.condition(connect.args["connect"], scope)
    step = condition.replace(f"`{name}`.`level`", "next_level")
    rows = (
        f"(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE "
        f"{step.replace('next_level', 'num(n + 1)')}) SELECT num(n) AS `level` FROM g) AS `{name}`"
    )
    _ = own
    return Block(f"{source}, {rows}", where)
