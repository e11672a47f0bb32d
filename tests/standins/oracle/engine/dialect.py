"""Oracle's grammar as sqlglot reads it, held to what Oracle accepts, with the place of every token kept."""

from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.parsers.oracle import OracleParser
from sqlglot.tokenizer_core import TokenType

from tests.standins.oracle.engine.errors import ora

OracleTokenizer = Oracle.Tokenizer
_KEPT = ("CAST", "EXTRACT", "TRIM")


class StrictParser(OracleParser):
    """Functions stay as written, so that each has one meaning: the one of the function table."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {
        name: parser for name, parser in OracleParser.FUNCTION_PARSERS.items() if name in _KEPT
    }

    def _parse_table_alias(self, *args: Any, **kwargs: Any) -> exp.TableAlias | None:
        if self._curr.token_type == TokenType.ALIAS:
            raise ora(933, offset=self._curr.start)  # Oracle knows no AS before a table's alias
        return super()._parse_table_alias(*args, **kwargs)

    def _parse_join(self, *args: Any, **kwargs: Any) -> exp.Join | None:
        comma = self._curr.token_type == TokenType.COMMA
        join = super()._parse_join(*args, **kwargs)
        if join is None or comma or join.args.get("on") or join.args.get("using"):
            return join
        if join.args.get("kind") != "CROSS" and join.args.get("method") != "NATURAL":
            raise ora(905, offset=self._prev.end + 1)
        return join

    def _parse_expression(self) -> exp.Expr | None:
        first = self._curr
        node = super()._parse_expression()
        if node is not None:
            body = node.this if isinstance(node, exp.Alias) else node
            body.meta["span"] = (first.start, self._prev.end + 1)  # an unnamed column is called by its text
        return node


class StrictTokenizer(OracleTokenizer):
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        word: kind for word, kind in OracleTokenizer.KEYWORDS.items() if word != "LIMIT"
    }  # no word of Oracle's, but the name of a column


class StrictOracle(Oracle):
    Tokenizer = StrictTokenizer
    Parser = StrictParser
