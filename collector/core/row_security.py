"""Row-level security of PostgreSQL, as a second wall behind the tenant filter of every query (docs/decisions/0020).

Every table with a tenant has the same policy, which looks at the setting `fieldpost.tenant` of the transaction: the
number of a tenant, `*` for all of them. Any other word ends in an error. Programs from before it, which never make the
setting (to the server that is the empty text as well), see what they saw.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, MetaData, text

from collector.core import tenancy
from collector.core.tenancy import EVERYBODY, NOBODY, Acting

AT_FIRST = f"-c fieldpost.tenant={NOBODY}"
"""The option of a connection that says before each transaction for whom it is."""
FOR_EVERYBODY = f"-c fieldpost.tenant={EVERYBODY}"
"""The option of a connection that only ever acts for all."""

NAME = "of_one_tenant"
_OWNER = {"tenant": "id"}
"""Columns that name the tenant otherwise."""

# CASE, because the planner then takes half of the rows to pass; of an equation it would think that hardly any does
_POLICY = (
    "CASE WHEN {column} <> (SELECT nullif(nullif(current_setting('fieldpost.tenant', true), '*'), '')::bigint)"
    " THEN false ELSE true END"
)

_UNWALLED = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
    " AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AND c.relname = ANY(:names) ORDER BY 1"
)


def secure(conn: Connection, table: str, column: str = "tenant_id") -> None:
    """Put the wall around a table. Every revision that makes a table of tenants calls it; SQLite has none."""
    if conn.dialect.name != "postgresql":
        return
    for statement in words(table, column):
        conn.exec_driver_sql(statement)


def words(table: str, column: str = "tenant_id") -> Iterator[str]:
    yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
    yield f'CREATE POLICY {NAME} ON "{table}" USING ({_POLICY.format(column=column)})'


def secured(metadata: MetaData) -> dict[str, str]:
    """Which tables belong to tenants, with the column that says to which."""
    return {
        table.name: _OWNER.get(table.name, "tenant_id")
        for table in metadata.sorted_tables
        if "tenant_id" in table.columns or table.name in _OWNER
    }


def unwalled(conn: Connection, metadata: MetaData) -> list[str]:
    """Tables of tenants that have no wall."""
    return list(conn.execute(_UNWALLED, {"names": list(secured(metadata))}).scalars())


def begin(conn: Connection, who: Acting) -> None:
    """Begin a transaction and say for whom it is, in one message to the server; SQLite need not know."""
    if conn.dialect.name == "postgresql":
        send(conn, f"BEGIN; {tenancy.say(conn, who)}")


def send(conn: Connection, statements: str) -> None:
    """Several statements without values in one message, which the driver must not prepare."""
    raw = conn.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection is gone")
    try:
        raw.execute(statements, prepare=False)
    except conn.dialect.loaded_dbapi.Error:
        if raw.closed:
            conn.exec_driver_sql("ROLLBACK")  # fails as well, and SQLAlchemy then knows that the connection is gone
        raise
