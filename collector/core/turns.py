"""The jobs of one transaction take turns: a savepoint each, on PostgreSQL with the word for whom it is."""

from sqlalchemy import Connection

from collector.core import tenancy
from collector.core.row_security import send
from collector.core.tenancy import Acting

_NEXT = "RELEASE SAVEPOINT job"
_OURS = "SAVEPOINT job"
_UNDO = "ROLLBACK TO SAVEPOINT job"


def take(conn: Connection, who: Acting, *, first: bool) -> None:
    """What follows can be undone alone; what came before holds. The first one begins the transaction as well."""
    if conn.dialect.name == "postgresql":
        send(conn, f"{'BEGIN' if first else _NEXT}; {_OURS}; {tenancy.say(conn, who)}")
        return
    if not first:
        conn.exec_driver_sql(_NEXT)
    conn.exec_driver_sql(_OURS)


def undo(conn: Connection) -> None:
    """As if this job had not had its turn."""
    conn.exec_driver_sql(_UNDO)
