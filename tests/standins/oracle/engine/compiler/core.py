"""The compiler: one handler per kind of node, looked up by the node's class."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlglot import exp

from tests.standins.oracle.engine.compiler.scope import Code, Query, Scope, Source
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import SqlType
from tests.standins.oracle.engine.statement import Statement
from tests.standins.oracle.engine.strictness import place
from tests.standins.oracle.types import OracleError


class Objects(Protocol):
    """Where the compiler looks tables up; raises ORA-00942 and the like."""

    def source(self, owner: str | None, name: str, alias: str, offset: int) -> Source:
        """What a query reads."""

    def target(self, owner: str | None, name: str, offset: int) -> Source:
        """What DML changes."""


@dataclass
class Compiler:
    """State of one compilation."""

    statement: Statement
    objects: Objects
    binds: tuple[SqlType, ...]
    release: int
    aliases: int = 0
    grouping_shapes: set[tuple[type[exp.Expr], str]] = field(default_factory=set)

    def alias(self, prefix: str = "s") -> str:
        self.aliases += 1
        return f"{prefix}{self.aliases}"

    def value(self, node: exp.Expr, scope: Scope) -> Code:
        """Compile an expression that has a value."""
        if scope.groups:
            key = self._group_key(node, scope)
            if key is not None:
                return key
        handler = VALUES.get(type(node))
        if handler is not None:
            return handler(self, node, scope)
        if type(node) in CONDITIONS:
            raise ora(923 if self.release < 23 else 3001, "BOOLEAN expression", offset=place(node))
        raise unsupported(type(node).__name__, offset=place(node))

    def condition(self, node: exp.Expr, scope: Scope) -> str:
        """Compile a condition to SQL that is 1, 0 or NULL."""
        handler = CONDITIONS.get(type(node))
        if handler is not None:
            return handler(self, node, scope)
        if type(node) in VALUES:
            raise ora(920, offset=place(node))
        raise unsupported(type(node).__name__, offset=place(node))

    def query(self, node: exp.Expr, parent: Scope | None) -> Query:
        """Compile a query block, set operation or parenthesised query."""
        handler = QUERIES.get(type(node))
        if handler is None:
            raise unsupported(type(node).__name__, offset=place(node))
        return handler(self, node, parent)

    def _group_key(self, node: exp.Expr, scope: Scope) -> Code | None:
        if scope.grouping is None or shape(node) not in self.grouping_shapes:
            return None
        with scope.ungrouped():
            try:
                code = self.value(node, scope)
            except OracleError:
                return None
        return code if code.sql in scope.grouping.keys else None


def shape(node: exp.Expr) -> tuple[type[exp.Expr], str]:
    """What two equal expressions have in common at a glance."""
    return type(node), str(node.this).upper() if isinstance(node, exp.Anonymous) else ""


ValueHandler = Callable[[Compiler, exp.Expr, Scope], Code]
ConditionHandler = Callable[[Compiler, exp.Expr, Scope], str]
QueryHandler = Callable[[Compiler, exp.Expr, Scope | None], Query]

VALUES: dict[type[exp.Expr], ValueHandler] = {}
CONDITIONS: dict[type[exp.Expr], ConditionHandler] = {}
QUERIES: dict[type[exp.Expr], QueryHandler] = {}
CALLS: dict[str, ValueHandler] = {}  # functions that are more than a call of a Python function
TESTS: dict[str, ConditionHandler] = {}  # functions that are conditions: REGEXP_LIKE

H = TypeVar("H")


def handles(table: dict[type[exp.Expr], H], *nodes: type[exp.Expr]) -> Callable[[H], H]:
    """Enter a handler for some node classes into a table."""

    def enter(handler: H) -> H:
        for node in nodes:
            table[node] = handler
        return handler

    return enter


def handles_call(*names: str) -> Callable[[ValueHandler], ValueHandler]:
    """Enter a handler for functions by name."""

    def enter(handler: ValueHandler) -> ValueHandler:
        for name in names:
            CALLS[name] = handler
        return handler

    return enter


def identifier(node: exp.Expr | None) -> str:
    """An identifier as the dictionary has it: upper case unless quoted."""
    if not isinstance(node, exp.Identifier):
        raise unsupported(f"name {node!r}")
    return str(node.this) if node.args.get("quoted") else str(node.this).upper()
