"""Which of a few rows a transaction counts in, so that transactions of several replicas do not wait for each other."""

from typing import Any

from sqlalchemy import Connection

_MOST = 16
"""Replicas that share a slot wait for each other, no more than that."""

SLOTS = ("", *(f"{number}" for number in range(_MOST)))
"""All that there are; SQLite, where one connection writes, has the first."""


def slot_of(conn: Connection) -> str:
    """The same for as long as the connection lasts."""
    if conn.dialect.name == "sqlite":
        return SLOTS[0]
    raw: Any = conn.connection.driver_connection
    return f"{raw.info.backend_pid % _MOST}"
