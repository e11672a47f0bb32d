"""Constants, binds, column references and pseudo columns."""

import json
import re
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from tests.standins.oracle.engine.compiler.core import CALLS, VALUES, Compiler, handles, identifier
from tests.standins.oracle.engine.compiler.scope import Clause, Code, Scope, Source, SourceColumn
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import (
    DATE,
    INTERVAL,
    NULL,
    NUMBER,
    TIMESTAMP,
    ZONED,
    text,
)
from tests.standins.oracle.engine.statement import BIND_PREFIX
from tests.standins.oracle.engine.strictness import place
from tests.standins.oracle.engine.values import encode_number


def text_code(value: str) -> Code:
    if value == "":
        return Code("NULL", NULL)
    quoted = value.replace("'", "''")
    return Code(f"'{quoted}'", text(len(value)), nullable=False)


def number_code(value: Decimal | int) -> Code:
    return Code(f"x'{encode_number(value).hex()}'", NUMBER, nullable=False)


@handles(VALUES, exp.Literal)
def _literal(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    if node.args.get("is_string"):
        return text_code(str(node.this))
    try:
        return number_code(Decimal(str(node.this)))
    except InvalidOperation:
        raise ora(933, offset=place(node)) from None


@handles(VALUES, exp.RawString, exp.National)
def _raw_string(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    return text_code(str(node.this))


@handles(VALUES, exp.Null)
def _null(_: Compiler, __: exp.Expr, ___: Scope) -> Code:
    return Code("NULL", NULL)


@handles(VALUES, exp.Paren)
def _paren(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    code = compiler.value(node.this, scope)
    return Code(f"({code.sql})", code.type, code.nullable)


@handles(VALUES, exp.Placeholder)
def _bind(compiler: Compiler, node: exp.Expr, _: Scope) -> Code:
    name = str(node.this or "")
    if not name.startswith(BIND_PREFIX):
        raise ora(911, offset=place(node))
    index = int(name.removeprefix(BIND_PREFIX))
    if index >= len(compiler.binds):
        raise ora(1008)
    return Code(f"?{index + 1}", compiler.binds[index])


@handles(VALUES, exp.CurrentTimestamp)
def _sysdate(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    if node.args.get("sysdate"):
        return Code("f_SYSDATE()", DATE, nullable=False)
    return Code("f_CURRENT_TIMESTAMP()", ZONED, nullable=False)


@handles(VALUES, exp.Systimestamp)
def _systimestamp(_: Compiler, __: exp.Expr, ___: Scope) -> Code:
    return Code("f_SYSTIMESTAMP()", ZONED, nullable=False)


@handles(VALUES, exp.Localtimestamp)
def _localtimestamp(_: Compiler, __: exp.Expr, ___: Scope) -> Code:
    return Code("f_LOCALTIMESTAMP()", TIMESTAMP, nullable=False)


@handles(VALUES, exp.CurrentDate)
def _current_date(_: Compiler, __: exp.Expr, ___: Scope) -> Code:
    return Code("f_CURRENT_DATE()", DATE, nullable=False)


@handles(VALUES, exp.DateStrToDate)
def _date_literal(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    code = compiler.value(node.this, scope)
    return Code(f"f_TO_DATE({code.sql}, 'YYYY-MM-DD')", DATE, nullable=False)


@handles(VALUES, exp.StrToTime)
def _timestamp_literal(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    value = str(node.this.this)
    zoned = re.search(r"[+-]\d{1,2}:\d{2}$", value.strip())
    quoted = value.replace("'", "''")
    if zoned:
        return Code(f"timestamp_literal('{quoted}')", ZONED, nullable=False)
    return Code(f"timestamp_literal('{quoted}')", TIMESTAMP, nullable=False)


@handles(VALUES, exp.Interval)
def _interval_literal(_: Compiler, node: exp.Expr, __: Scope) -> Code:
    unit = node.args.get("unit")
    if not isinstance(node.this, exp.Literal) or unit is None:
        raise unsupported("INTERVAL expression", offset=place(node))
    words = [unit.this, unit.expression] if isinstance(unit, exp.IntervalSpan) else [unit]
    fields = [str(word.name).upper() for word in words]
    if set(fields) & {"YEAR", "MONTH"}:
        raise unsupported("INTERVAL YEAR TO MONTH", offset=place(node))
    value = str(node.this.this).replace("'", "''")
    return Code(f"interval_literal('{value}', {_sql_text(' TO '.join(fields))})", INTERVAL, nullable=False)


def _sql_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@handles(VALUES, exp.CurrentUser)
def _current_user(_: Compiler, node: exp.Expr, scope: Scope) -> Code:
    """No function in Oracle's SQL, but the name of a column."""
    return resolve("CURRENT_USER", [], scope, place(node))


@handles(VALUES, exp.Column)
def _column(compiler: Compiler, node: exp.Expr, scope: Scope) -> Code:
    name = identifier(node.this) if isinstance(node.this, exp.Identifier) else ""
    if isinstance(node.this, exp.Star):
        raise ora(936, offset=place(node))
    qualifier = [identifier(part) for part in (node.args.get("db"), node.args.get("table")) if part]
    if node.args.get("catalog"):
        raise ora(1747, offset=place(node))
    pseudo = None if qualifier or node.this.args.get("quoted") else _pseudo(compiler, name, node, scope)
    if pseudo is not None:
        return pseudo
    packaged = ".".join([*qualifier, name][-2:])
    if packaged in CALLS and qualifier:  # DBMS_TRANSACTION.LOCAL_TRANSACTION_ID
        return CALLS[packaged](compiler, exp.Anonymous(this=packaged), scope)
    if node.args.get("join_mark"):
        raise ora(1719, offset=place(node))
    return resolve(name, qualifier, scope, place(node))


def _pseudo(compiler: Compiler, name: str, node: exp.Expr, scope: Scope) -> Code | None:
    if name == "ROWNUM":
        return _rownum(node, scope)
    if name == "LEVEL":
        return _level(node, scope)
    if name in {"ROWID", "ORA_ROWSCN"} and not _is_column(name, scope):
        raise unsupported(name, offset=place(node))
    if name in {"USER", "UID", "SYSDATE", "SESSIONTIMEZONE", "DBTIMEZONE"} and not _is_column(name, scope):
        return CALLS[name](compiler, exp.Anonymous(this=name), scope)
    return None


def _is_column(name: str, scope: Scope) -> bool:
    return any(source.find(name) for source in scope.sources)


def _rownum(node: exp.Expr, scope: Scope) -> Code:
    if scope.numbering is None:
        raise unsupported("ROWNUM in this place", offset=place(node))
    if scope.groups:
        raise ora(979 if scope.grouping and scope.grouping.explicit else 937, offset=place(node))
    return Code(scope.numbering.rownum(), NUMBER, nullable=False)


def _level(node: exp.Expr, scope: Scope) -> Code:
    block: Scope | None = scope
    while block is not None and block.level is None:
        block = block.parent
    if block is None or block.level is None:
        raise ora(1788, offset=place(node))
    sql = block.numbering.column(block.level) if block.numbering is not None else block.level
    return Code(sql, NUMBER, nullable=False)


def resolve(name: str, qualifier: list[str], scope: Scope, offset: int) -> Code:
    """Find a column by name, in this block first, then outwards; ORA-00904 or ORA-00918 when that fails."""
    if scope.clause is Clause.ORDER and not qualifier and scope.depth == 0 and name in scope.renamed:
        return scope.renamed[name]
    block: Scope | None = scope
    while block is not None:
        found = _find(name, qualifier, block, offset)
        if found is not None:
            return _bound_by_grouping(found, block, offset)
        block = block.parent
    full = ".".join(json.dumps(part, ensure_ascii=False) for part in (*qualifier, name))
    raise ora(904, full, offset=offset)


def _find(name: str, qualifier: list[str], scope: Scope, offset: int) -> Code | None:
    if not qualifier and name in scope.merged:
        return merged_code(name, scope)
    candidates = [source for source in scope.sources if _called(source, qualifier)]
    hits = [(source, column) for source in candidates for column in source.find(name)]
    if not hits:
        return None
    if qualifier and name in scope.merged:
        raise ora(25154, offset=offset)
    if len(hits) > 1:
        raise ora(918, offset=offset)
    source, column = hits[0]
    return column_code(source, column, scope)


def _called(source: Source, qualifier: list[str]) -> bool:
    if not qualifier:
        return True
    if qualifier[-1] != source.name:
        return False
    return len(qualifier) == 1 or qualifier[0] == source.owner


def merged_code(name: str, scope: Scope) -> Code:
    """A column that USING or NATURAL made of two."""
    code = scope.merged[name]
    if scope.numbering is None:
        return code
    return Code(scope.numbering.column(code.sql), code.type, code.nullable)


def column_code(source: Source, column: SourceColumn, scope: Scope) -> Code:
    sql = f"`{source.alias}`.{column.sql}"
    if scope.numbering is not None:
        sql = scope.numbering.column(sql)
    return Code(sql, column.type, column.nullable)


def _bound_by_grouping(code: Code, scope: Scope, offset: int) -> Code:
    grouping = scope.grouping
    if grouping is None or scope.depth > 0 or code.sql in grouping.keys:
        return code
    if scope.clause is Clause.WHERE:
        return code
    raise ora(979 if grouping.explicit else 937, offset=offset)
