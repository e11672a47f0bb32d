"""What the wire must know of a statement: its kind and its binds, because clients send neither."""

import enum
import functools
import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<skip>   --[^\n]* | /\*.*?\*/ )
    | (?P<text>   n?q'(?:\[.*?\]|\{.*?\}|<.*?>|\(.*?\)|(?P<mark>[^\s\[{<(]).*?(?P=mark))' | '(?:[^']|'')*' )
    | (?P<bind>   :\s*(?:"[^"]+"|[A-Za-z][\w$\#]*|\d+) )
    | (?P<assign> := )
    | (?P<quoted> "[^"]*" )
    | (?P<word>   [A-Za-z][\w$\#]* )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_QUERY_WORDS = frozenset({"SELECT", "WITH"})
_DML_WORDS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_PLSQL_WORDS = frozenset({"BEGIN", "DECLARE", "CALL"})


class Kind(enum.Enum):
    QUERY = enum.auto()
    DML = enum.auto()
    PLSQL = enum.auto()
    OTHER = enum.auto()


@dataclass(frozen=True)
class Statement:
    """Binds in the order in which clients send them; the last `returned` of them take values of RETURNING."""

    sql: str
    kind: Kind
    binds: tuple[str, ...]
    returned: int = 0


@functools.lru_cache(maxsize=512)
def parse_statement(sql: str) -> Statement:
    words: list[str] = []
    binds: list[str] = []
    into = returning = False
    returned = 0
    for match in _TOKEN.finditer(sql):
        if match["word"]:
            words.append(match["word"].upper())
            returning = returning or words[-1] in {"RETURNING", "RETURN"}
            into = into or (returning and words[-1] == "INTO")
        elif match["bind"]:
            binds.append(_bind_name(match["bind"]))
            returned += into
    kind = _kind(words)
    if kind is Kind.PLSQL:
        return Statement(sql, kind, tuple(dict.fromkeys(binds)))
    return Statement(sql, kind, tuple(binds), returned if kind is Kind.DML else 0)


def _bind_name(token: str) -> str:
    name = token[1:].strip()
    return name[1:-1] if name.startswith('"') else name.upper()


def _kind(words: list[str]) -> Kind:
    first = words[0] if words else ""
    if first in _QUERY_WORDS:
        return Kind.QUERY
    if first in _DML_WORDS:
        return Kind.DML
    return Kind.PLSQL if first in _PLSQL_WORDS else Kind.OTHER
