"""Oracle's grammar as sqlglot reads it, held to what Oracle accepts, with the place of every token kept."""

from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.parsers.oracle import OracleParser
from sqlglot.tokens import TokenType

from tests.standins.oracle.engine.errors import ora

_KEPT = ("CAST", "EXTRACT", "TRIM")


class StrictParser(OracleParser):
    """Functions stay as written, so that each has one meaning: the one of the function table."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {
        name: parser for name, parser in OracleParser.FUNCTION_PARSERS.items() if name in _KEPT
    }

    def _parse_table_alias(self, *args: Any, **kwargs: Any) -> exp.TableAlias | None:
        if self._curr and self._curr.token_type == TokenType.ALIAS:
            raise ora(933, offset=self._curr.start)  # Oracle knows no AS before a table's alias
        return super()._parse_table_alias(*args, **kwargs)

    def _parse_expression(self) -> exp.Expr | None:
        first = self._curr
        node = super()._parse_expression()
        if node is not None and first is not None and self._prev is not None:
            body = node.this if isinstance(node, exp.Alias) else node
            body.meta["span"] = (first.start, self._prev.end + 1)  # an unnamed column is called by its text
        return node


class StrictOracle(Oracle):
    Parser = StrictParser
