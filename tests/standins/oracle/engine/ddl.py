"""CREATE TABLE, DROP TABLE, TRUNCATE TABLE."""

import itertools
import re
from typing import TYPE_CHECKING

from sqlglot import exp

from tests.standins.oracle.engine.compiler.calls import declared
from tests.standins.oracle.engine.compiler.core import identifier
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.sqltypes import parse_type
from tests.standins.oracle.engine.statement import parse
from tests.standins.oracle.engine.strictness import place
from tests.standins.oracle.engine.tables import Key, Table, TableColumn
from tests.standins.oracle.types import OracleError, Result

if TYPE_CHECKING:
    from tests.standins.oracle.engine.session import Session

_ADMINISTRATION = re.compile(
    r"\s*(CREATE|DROP)\s+(USER|ROLE|TABLESPACE|PROFILE|DATABASE|PLUGGABLE|DIRECTORY)\b",
    re.IGNORECASE,
)
_names = itertools.count(8001)


def run(session: "Session", sql: str) -> Result:
    """DDL commits before and after."""
    if not re.match(r"\s*(CREATE( GLOBAL TEMPORARY)?|DROP|TRUNCATE)\s+TABLE\b", sql, re.IGNORECASE):
        raise (
            ora(1031)
            if re.match(r"\s*(CREATE|DROP)\s+(USER|ROLE|TABLESPACE|PROFILE|DATABASE)\b", sql, re.IGNORECASE)
            else (unsupported(" ".join(sql.split()[:2]).upper()))
        )
    tree = parse(sql, session.database.release[0]).tree
    if session.database.scenario.mounted:
        raise ora(1109)
    session.commit()
    session.begin()
    try:
        _change(session, tree)
    except OracleError:
        session.rollback()
        raise
    session.commit()
    return Result()


def _change(session: "Session", tree: exp.Expr) -> None:
    if isinstance(tree, exp.Create):
        _create(session, tree)
    elif isinstance(tree, exp.Drop):
        _drop(session, tree)
    elif isinstance(tree, exp.TruncateTable):
        session.run(f"DELETE FROM `{_own(session, tree.expressions[0]).stored_as}`", [])
    else:
        raise ora(922)


def _path(session: "Session", node: exp.Expr) -> tuple[str, str]:
    owner = identifier(node.args["db"]) if node.args.get("db") else session.schema
    return owner, identifier(node.this)


def _own(session: "Session", node: exp.Expr) -> Table:
    owner, name = _path(session, node)
    table = session.database.tables.find(owner, name)
    if table is None or (owner != session.name and session.login.mode != "sysdba"):
        raise ora(942, offset=place(node))
    return table


def _create(session: "Session", tree: exp.Expr) -> None:
    schema = tree.this
    if not isinstance(schema, exp.Schema):
        raise unsupported("CREATE TABLE … AS")
    owner, name = _path(session, schema.this)
    if "CREATE TABLE" not in session.user.system_privileges or owner != session.name:
        raise ora(1031)
    if session.database.tables.find(owner, name) is not None:
        raise ora(955, offset=place(schema.this))
    table = _table(owner, name, schema.expressions)
    columns = [f"`{column.name}`" for column in table.columns]
    keys = [f"UNIQUE ({', '.join(f'`{column}`' for column in key.columns)})" for key in table.keys]
    session.run(f"CREATE TABLE `{table.stored_as}` ({', '.join(columns + keys)})", [])
    session.database.tables.put(table)


def _table(owner: str, name: str, items: list[exp.Expr]) -> Table:
    columns: list[TableColumn] = []
    keys: list[Key] = []
    for item in items:
        if isinstance(item, exp.ColumnDef):
            column, own_keys = _column(item)
            columns.append(column)
            keys += own_keys
        else:
            keys += _table_keys(item)
    if len({column.name for column in columns}) < len(columns):
        raise ora(957)
    required = {column for key in keys if key.primary for column in key.columns}
    final = tuple(
        TableColumn(one.name, one.type, one.nullable and one.name not in required, one.default) for one in columns
    )
    missing = {column for key in keys for column in key.columns} - {column.name for column in columns}
    if missing:
        raise ora(904, f'"{missing.pop()}"')
    return Table(owner, name, final, tuple(keys))


def _column(item: exp.Expr) -> tuple[TableColumn, list[Key]]:
    name = identifier(item.this)
    if item.args.get("kind") is None:
        raise ora(902, offset=place(item))
    type_ = parse_type(declared(item.args["kind"]))
    nullable, default, keys = True, None, []
    for constraint in item.args.get("constraints") or ():
        kind = constraint.args.get("kind")
        label = identifier(constraint.this) if constraint.this is not None else f"SYS_C00{next(_names)}"
        if isinstance(kind, exp.NotNullColumnConstraint):
            nullable = bool(kind.args.get("allow_null"))
        elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
            keys.append(Key(label, (name,), primary=True))
        elif isinstance(kind, exp.UniqueColumnConstraint):
            keys.append(Key(label, (name,)))
        elif isinstance(kind, exp.DefaultColumnConstraint):
            default = kind.this.sql(dialect="oracle")
        else:
            raise unsupported(f"{type(kind).__name__} in CREATE TABLE", offset=place(item))
    return TableColumn(name, type_, nullable, default), keys


def _table_keys(item: exp.Expr) -> list[Key]:
    if isinstance(item, exp.Constraint):
        label = identifier(item.this)
        return [Key(label, key.columns, key.primary) for part in item.expressions for key in _table_keys(part)]
    label = f"SYS_C00{next(_names)}"
    if isinstance(item, exp.PrimaryKey):
        return [Key(label, tuple(_key_column(column) for column in item.expressions), primary=True)]
    if isinstance(item, exp.UniqueColumnConstraint) and isinstance(item.this, exp.Schema):
        return [Key(label, tuple(_key_column(column) for column in item.this.expressions))]
    raise unsupported(f"{type(item).__name__} in CREATE TABLE", offset=place(item))


def _key_column(node: exp.Expr) -> str:
    while not isinstance(node, exp.Identifier):
        node = node.this
    return identifier(node)


def _drop(session: "Session", tree: exp.Expr) -> None:
    node = tree.this or next(iter(tree.args.get("tables") or ()), None)
    if node is None:
        raise ora(903)
    table = _own(session, node)
    session.run(f"DROP TABLE `{table.stored_as}`", [])
    session.database.tables.drop(table)
