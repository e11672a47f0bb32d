"""Work that one process at a time does: whoever takes its lease holds it until the transaction ends.

The server itself ends it with the connection: a process that was killed, or cut off, holds nothing and commits
nothing, and no clock decides who is late. An SQLite database has one writer anyway.
"""

import zlib
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from types import FunctionType

from sqlalchemy import Connection, text

_SPACE = zlib.crc32(b"fieldpost leases") - 2**31
"""Of the numbers that PostgreSQL knows such locks by, those that are ours: the first half."""

_TAKE = text("SELECT pg_try_advisory_xact_lock(:space, :number)")

Chore = Callable[[Connection, datetime, int], int]
"""Does at most so many things that are due at this instant; how many there were."""


def take(conn: Connection, name: str) -> bool:
    """Whether this transaction may do the work of that name; false while another process is at it."""
    if conn.dialect.name == "sqlite":
        return True
    taken: bool = conn.execute(_TAKE, {"space": _SPACE, "number": number(name)}).scalar_one()
    return taken


def number(name: str) -> int:
    """The second half of the number, the same in every release."""
    return zlib.crc32(name.encode()) - 2**31


def name_of(chore: Chore) -> str:
    """The same in every process of a release; what is no function would have another one in each."""
    if not isinstance(chore, FunctionType):
        raise TypeError(f"{chore!r}; expected a function")
    return f"{chore.__module__}.{chore.__qualname__}"


def leased(chore: Chore) -> Chore:
    """The chore under a lease of its own name; while somebody else is at it there is nothing to do."""
    name = name_of(chore)

    @wraps(chore)
    def with_lease(conn: Connection, now: datetime, limit: int) -> int:
        return chore(conn, now, limit) if take(conn, name) else 0

    return with_lease
