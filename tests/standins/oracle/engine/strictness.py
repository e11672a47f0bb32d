"""What sqlglot reads and Oracle does not: each construct with the error that Oracle answers."""

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from tests.standins.oracle.engine.errors import ora, unsupported

RESERVED = frozenset(  # the dictionary's own list, one string for the sake of reading
    """
    ACCESS ADD ALL ALTER AND ANY AS ASC AUDIT BETWEEN BY CHAR CHECK CLUSTER COLUMN COMMENT COMPRESS CONNECT CREATE
    CURRENT DATE DECIMAL DEFAULT DELETE DESC DISTINCT DROP ELSE EXCLUSIVE EXISTS FILE FLOAT FOR FROM GRANT GROUP
    HAVING IDENTIFIED IMMEDIATE IN INCREMENT INDEX INITIAL INSERT INTEGER INTERSECT INTO IS LEVEL LIKE LOCK LONG
    MAXEXTENTS MINUS MLSLABEL MODE MODIFY NOAUDIT NOCOMPRESS NOT NOWAIT NULL NUMBER OF OFFLINE ON ONLINE OPTION OR
    ORDER PCTFREE PRIOR PUBLIC RAW RENAME RESOURCE REVOKE ROW ROWID ROWNUM ROWS SELECT SESSION SET SHARE SIZE
    SMALLINT START SUCCESSFUL SYNONYM SYSDATE TABLE THEN TO TRIGGER UID UNION UNIQUE UPDATE USER VALIDATE VALUES
    VARCHAR VARCHAR2 VIEW WHENEVER WHERE WITH
    """.split(),  # noqa: SIM905 - a hundred quoted words read worse
)
PSEUDO_COLUMNS = frozenset({"LEVEL", "ROWID", "ROWNUM", "SYSDATE", "UID", "USER"})
BOOLEAN_RELEASE = 23  # TRUE, FALSE and SELECT without FROM came with 23ai

_ALIEN_TOKENS = {TokenType.DCOLON: 911, TokenType.AMP: 911, TokenType.MOD: 911, TokenType.CARET: 911}
_ALIEN_NODES: dict[type[exp.Expr], int] = {
    exp.ILike: 920,
    exp.NullSafeEQ: 936,
    exp.BitwiseAnd: 936,
    exp.BitwiseOr: 936,
    exp.IntDiv: 936,
    exp.Bracket: 933,
    exp.Qualify: 933,
    exp.SimilarTo: 920,
    exp.RegexpLike: 920,
}
_MAX_IDENTIFIER = 128


def check_tokens(tokens: Sequence[Token], sql: str, release: int) -> None:
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        code = _ALIEN_TOKENS.get(token.token_type)
        if code:
            raise ora(code, offset=token.start)
        if token.token_type in {TokenType.PIVOT, TokenType.UNPIVOT, TokenType.MATCH_RECOGNIZE}:
            raise unsupported(token.text.upper(), offset=token.start)
        if token.token_type == TokenType.SEMICOLON:
            raise ora(933 if following is None else 911, offset=token.start)
        if token.token_type == TokenType.EXCEPT and token.text.upper() == "EXCEPT" and release < 21:
            raise ora(933, offset=token.start)
        if token.token_type == TokenType.NUMBER and following is not None and following.start == token.end + 1:
            _check_number_suffix(following)
    if "`" in sql and any(token.text.startswith("`") for token in tokens):
        raise ora(911)


def _check_number_suffix(token: Token) -> None:
    if token.text.upper() in {"D", "F"}:
        raise unsupported("BINARY_DOUBLE literal", offset=token.start)
    if token.token_type == TokenType.VAR:
        raise ora(933, offset=token.start)


def place(node: exp.Expr) -> int:
    """Where a node's first identifier stands, 0 when nothing is known."""
    if isinstance(node, exp.Column):  # a qualified name starts with its qualifier
        return min((place(part) for part in node.iter_expressions()), default=0)
    start = node.meta_get("start")
    if isinstance(start, int):
        return start
    for child in node.iter_expressions():
        found = place(child)
        if found:
            return found
    return 0


def check_tree(tree: exp.Expr, release: int) -> None:
    for node in tree.walk():
        code = _ALIEN_NODES.get(type(node))
        if code:
            raise ora(code, offset=place(node))
        if isinstance(node, exp.Identifier):
            _check_identifier(node)
        elif isinstance(node, exp.Select):
            _check_select(node, release)
        elif isinstance(node, exp.Boolean) and release < BOOLEAN_RELEASE:
            raise ora(904, f'"{str(node.this).upper()}"', offset=place(node))
        elif isinstance(node, exp.DPipe) and isinstance(node.expression, exp.Add | exp.Sub):
            # Oracle reads this from left to right, the parser does not; nobody means what Oracle makes of it.
            raise unsupported("+ or - behind || without parentheses", offset=place(node.expression))


def _check_identifier(node: exp.Identifier) -> None:
    name = str(node.this)
    if len(name.encode()) > _MAX_IDENTIFIER:
        raise ora(972, offset=place(node))
    if node.args.get("quoted") or name.upper() not in RESERVED:
        if name == "":
            raise ora(1741, offset=place(node))
        return
    parent = node.parent
    if isinstance(parent, exp.Column) and name.upper() in PSEUDO_COLUMNS:
        return
    raise ora(_reserved_code(parent), offset=place(node))


def _reserved_code(parent: exp.Expr | None) -> int:
    if isinstance(parent, exp.Alias):
        return 923
    if isinstance(parent, exp.Table):
        return 903
    if isinstance(parent, exp.TableAlias):
        return 933
    if isinstance(parent, exp.ColumnDef):
        return 904
    return 936


def _check_select(node: exp.Select, release: int) -> None:
    if node.args.get("from_") is None and release < BOOLEAN_RELEASE:
        raise ora(923, offset=place(node))
    stars = [item for item in node.expressions if isinstance(item, exp.Star)]
    if stars and len(node.expressions) > 1:
        raise ora(923 if isinstance(node.expressions[0], exp.Star) else 936, offset=place(stars[0]))
    if not node.expressions:
        raise ora(936, offset=place(node))
