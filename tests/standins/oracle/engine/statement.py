"""From SQL text to a checked syntax tree: binds numbered, offsets kept, non-Oracle grammar refused."""

import bisect
import re
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token

from tests.standins.oracle.engine import strictness
from tests.standins.oracle.engine.dialect import StrictOracle
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.types import OracleError

_LEXEME = re.compile(
    r"""
      (?P<skip>   --[^\n]* | /\*.*?\*/ )
    | (?P<text>   n?q'(?:\[.*?\]|\{.*?\}|<.*?>|\(.*?\)|(?P<mark>[^\s\[{<(]).*?(?P=mark))' | '(?:[^']|'')*' )
    | (?P<quoted> "[^"]*" )
    | (?P<bind>   :\s*(?:"[^"]+"|\w[\w$\#]*) )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_INTO = re.compile(r"\bRETURN(?:ING)?\b(?P<values>.*?)\bINTO\b(?P<targets>.*)", re.DOTALL | re.IGNORECASE)
_NOT_SIMULATED = re.compile(
    r"\b(?:ON\s+OVERFLOW|ON\s+CONVERSION\s+ERROR|MODEL\s+DIMENSION|WITH\s+FUNCTION)\b",
    re.IGNORECASE,
)
BIND_PREFIX = "BIND_"


@dataclass(frozen=True)
class Statement:
    """One parsed statement; offsets into the tree are translated back by `offset`."""

    text: str
    tree: exp.Expression
    binds: int  # occurrences of binds that carry a value
    returned: int  # binds after RETURNING … INTO
    _shifts: tuple[tuple[int, int], ...]

    def offset(self, position: int) -> int:
        """Where a place of the rewritten text lies in what the client sent."""
        index = bisect.bisect_right(self._shifts, (position, len(self.text) * 2)) - 1
        if index < 0:
            return position
        rewritten, original = self._shifts[index]
        return original + position - rewritten

    def excerpt(self, start: int, end: int) -> str:
        return self.text[self.offset(start) : self.offset(end)]


@lru_cache(maxsize=2048)
def parse(sql: str, release: int) -> Statement:
    """Parse a query or DML; raises what Oracle's parser would."""
    marked, count, shifts = _mark_binds(sql)
    body, returned = _cut_into(marked)
    try:
        tree = _parse_tree(body, release)
    except OracleError as error:
        place = Statement(sql, exp.Null(), 0, 0, shifts).offset(error.offset)
        raise OracleError(error.code, error.text, place) from None
    return Statement(sql, tree, count - returned, returned, shifts)


def _mark_binds(sql: str) -> tuple[str, int, tuple[tuple[int, int], ...]]:
    pieces: list[str] = []
    shifts: list[tuple[int, int]] = []
    length = end = count = 0
    for match in _LEXEME.finditer(sql):
        if match["bind"] is None:
            continue
        name = f":{BIND_PREFIX}{count}"
        pieces += (sql[end : match.start()], name)
        length += match.start() - end
        shifts.append((length, match.start()))
        length, end, count = length + len(name), match.end(), count + 1
        shifts.append((length, end))
    return "".join([*pieces, sql[end:]]), count, tuple(shifts)


def _cut_into(sql: str) -> tuple[str, int]:
    """RETURNING … INTO :a, :b without its targets, which SQLite does not know."""
    if not re.match(r"\s*(?:INSERT|UPDATE|DELETE)\b", sql, re.IGNORECASE):
        return sql, 0
    match = _INTO.search(sql)
    if match is None:
        return sql, 0
    head = sql[: match.start("targets")].rstrip()
    return head[: -len("INTO")] + " ", match["targets"].count(":" + BIND_PREFIX)


def _parse_tree(sql: str, release: int) -> exp.Expression:
    dialect = StrictOracle()
    try:
        tokens = dialect.tokenize(sql)
    except TokenError:
        raise ora(1756 if sql.count("'") % 2 else 911) from None
    strictness.check_tokens(tokens, sql, release)
    try:
        trees = dialect.parser().parse(tokens, sql)
    except ParseError as error:
        raise _syntax_error(error, tokens, sql) from None
    tree = trees[0] if trees else None
    if not isinstance(tree, exp.Expression):
        raise ora(900)
    strictness.check_tree(tree, release)
    return tree


def _syntax_error(error: ParseError, tokens: list[Token], sql: str) -> OracleError:
    details = error.errors[0] if error.errors else {}
    line, column = details.get("line"), details.get("col")
    at = next((t for t in tokens if t.line == line and t.col == column), tokens[-1])
    clause = _NOT_SIMULATED.search(sql)
    if clause:
        return unsupported(" ".join(clause[0].split()).upper(), offset=clause.start())
    if tokens and tokens[-1].text.upper() == "FROM":
        return ora(903, offset=len(sql))
    description = str(details.get("description") or "")
    start = min(at.start, len(sql))
    if "Expecting )" in description:
        return ora(907, offset=start)
    if "Required keyword" in description or "Expected" in description:
        return ora(936, offset=start)
    return ora(933, offset=start)
