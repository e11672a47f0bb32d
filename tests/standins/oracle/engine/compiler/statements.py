"""Whole statements: the plan of a query, INSERT, UPDATE or DELETE."""

from dataclasses import dataclass

from sqlglot import exp

from tests.standins.oracle.engine.compiler import (  # noqa: F401 - each module enters its handlers
    aggregates,
    analytic,
    arithmetic,
    calls,
    comparison,
    literals,
    nulls,
    select,
    setops,
)
from tests.standins.oracle.engine.compiler.conversion import convert
from tests.standins.oracle.engine.compiler.core import QUERIES, Compiler, Objects, identifier
from tests.standins.oracle.engine.compiler.scope import Clause, Code, Output, Scope, Source, SourceColumn
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import NULL, Kind, SqlType
from tests.standins.oracle.engine.statement import Statement, parse
from tests.standins.oracle.engine.strictness import place
from tests.standins.oracle.types import OracleError, OraType


@dataclass(frozen=True)
class Plan:
    """SQL for SQLite and what comes out of it."""

    sql: str
    outputs: tuple[Output, ...]
    query: bool
    table: str = ""  # that DML changes


def compile_statement(statement: Statement, objects: Objects, binds: tuple[SqlType, ...], release: int) -> Plan:
    """Compile a parsed statement; offsets in errors are those of the client's text."""
    compiler = Compiler(statement, objects, binds, release)
    try:
        return _plan(compiler, statement.tree)
    except OracleError as error:
        raise OracleError(error.code, error.text, statement.offset(error.offset)) from None


def _plan(compiler: Compiler, tree: exp.Expr) -> Plan:
    if type(tree) in QUERIES:
        query = compiler.query(tree, None)
        return Plan(query.sql, query.outputs, query=True)
    if isinstance(tree, exp.Insert):
        return _insert(compiler, tree)
    if isinstance(tree, exp.Update):
        return _update(compiler, tree)
    if isinstance(tree, exp.Delete):
        return _delete(compiler, tree)
    raise ora(900)


def _target(compiler: Compiler, node: exp.Expr | None) -> Source:
    if not isinstance(node, exp.Table):
        raise ora(903)
    owner = identifier(node.args["db"]) if node.args.get("db") else None
    table = compiler.objects.target(owner, identifier(node.this), place(node.this))
    alias = node.args.get("alias")
    name = identifier(alias.this) if alias is not None else table.name
    return Source(name, table.alias, table.sql, table.columns, table.owner, table.table)


def _insert(compiler: Compiler, tree: exp.Expr) -> Plan:
    schema = tree.this
    table = _target(compiler, schema.this if isinstance(schema, exp.Schema) else schema)
    columns = list(table.columns)
    if isinstance(schema, exp.Schema):
        columns = [_column(table, name) for name in schema.expressions]
    if len({column.name for column in columns}) < len(columns):
        raise ora(957)
    left_out = [column for column in table.columns if column not in columns]
    filled = [_stored(_default(compiler, column), column, table, 0) for column in left_out]
    names = ", ".join(column.sql for column in [*columns, *left_out])
    sql = f"INSERT INTO {table.sql} ({names}) {_inserted(compiler, tree.expression, columns, table, filled=filled)}"
    return _returning(compiler, tree, sql, table)


def _default(compiler: Compiler, column: SourceColumn) -> Code:
    if column.default is None:
        return Code("NULL", NULL)
    (expression,) = parse(f"SELECT {column.default} FROM DUAL", compiler.release).tree.expressions
    return compiler.value(expression, Scope())


def _inserted(
    compiler: Compiler,
    node: exp.Expr,
    columns: list[SourceColumn],
    table: Source,
    *,
    filled: list[str],
) -> str:
    if isinstance(node, exp.Values):
        if len(node.expressions) > 1 and compiler.release < 23:
            raise ora(933)
        rows = [_row(compiler, row, columns, table) + filled for row in node.expressions]
        return "VALUES " + ", ".join(f"({', '.join(row)})" for row in rows)
    query = compiler.query(node, None)
    if len(query.outputs) != len(columns):
        raise ora(913 if len(query.outputs) > len(columns) else 947)
    values = [
        _stored(Code(f"`c{index}`", output.type), column, table, place(node))
        for index, (output, column) in enumerate(zip(query.outputs, columns, strict=True), 1)
    ]
    return f"SELECT {', '.join(values + filled)} FROM ({query.sql}) WHERE 1"


def _row(compiler: Compiler, row: exp.Expr, columns: list[SourceColumn], table: Source) -> list[str]:
    items = row.expressions if isinstance(row, exp.Tuple) else [row]
    if len(items) != len(columns):
        raise ora(913 if len(items) > len(columns) else 947, offset=place(row))
    return [
        _stored(_inserted_value(compiler, item), column, table, place(item))
        for item, column in zip(items, columns, strict=True)
    ]


def _inserted_value(compiler: Compiler, node: exp.Expr) -> Code:
    column = node.find(exp.Column)
    if column is not None and not node.find(exp.Query) and _is_plain_name(column):
        raise ora(984, offset=place(column))
    return compiler.value(node, Scope())


def _is_plain_name(column: exp.Column) -> bool:
    return identifier(column.this) not in {"USER", "UID", "SYSDATE", "SESSIONTIMEZONE", "DBTIMEZONE"}


def _column(table: Source, name: exp.Expr) -> SourceColumn:
    wanted = name if isinstance(name, exp.Identifier) else name.this
    found = table.find(identifier(wanted))
    if not found:
        raise ora(904, f'"{identifier(wanted)}"', offset=place(wanted))
    return found[0]


def _stored(code: Code, column: SourceColumn, table: Source, offset: int, *, null_error: int = 1400) -> str:
    """A value made fit for a column: converted, checked against its size, refused when NULL is not allowed."""
    path = f'"{table.owner}"."{table.table}"."{column.name}"'.replace("'", "''")
    sql = convert(code, column.type.kind, offset=offset).sql
    if column.type.kind is Kind.NUMBER and column.type.precision:
        sql = f"fit_number({sql}, {column.type.precision}, {column.type.scale})"
    elif column.type.kind in {Kind.TEXT, Kind.RAW} and column.type.size:
        sql = f"checked_size({sql}, {column.type.size}, '{path}')"
        sql = f"padded({sql}, {column.type.size})" if column.type.ora is OraType.CHAR else sql
    return sql if column.nullable else f"not_null({sql}, {null_error}, '{path}')"


def _update(compiler: Compiler, tree: exp.Expr) -> Plan:
    table = _target(compiler, tree.this)
    scope = Scope(sources=[table])
    assignments = [_assignment(compiler, item, table, scope) for item in tree.expressions]
    sql = f"UPDATE {table.sql} SET {', '.join(assignments)}{_where(compiler, tree, scope)}"
    return _returning(compiler, tree, sql, table)


def _assignment(compiler: Compiler, item: exp.Expr, table: Source, scope: Scope) -> str:
    if not isinstance(item, exp.EQ) or not isinstance(item.this, exp.Column):
        raise unsupported("this form of SET", offset=place(item))
    column = _column(table, item.this)
    value = compiler.value(item.expression, scope)
    return f"{column.sql} = {_stored(value, column, table, place(item.expression), null_error=1407)}"


def _delete(compiler: Compiler, tree: exp.Expr) -> Plan:
    named = tree.this if isinstance(tree.this, exp.Table) else next(iter(tree.args.get("tables") or ()), None)
    table = _target(compiler, named)
    sql = f"DELETE FROM {table.sql}{_where(compiler, tree, Scope(sources=[table]))}"
    return _returning(compiler, tree, sql, table)


def _where(compiler: Compiler, tree: exp.Expr, scope: Scope) -> str:
    where = tree.args.get("where")
    if where is None:
        return ""
    with scope.at(Clause.WHERE):
        return f" WHERE {compiler.condition(where.this, scope)}"


def _returning(compiler: Compiler, tree: exp.Expr, sql: str, table: Source) -> Plan:
    returning = tree.args.get("returning")
    if returning is None:
        return Plan(sql, (), query=False, table=table.alias)
    scope = Scope(sources=[table])
    codes = [compiler.value(item, scope) for item in returning.expressions]
    outputs = tuple(Output(f"c{index}", code.type) for index, code in enumerate(codes, 1))
    listed = ", ".join(code.sql for code in codes)
    return Plan(f"{sql} RETURNING {listed}", outputs, query=False, table=table.alias)
