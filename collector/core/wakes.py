"""Word of changes: told within a transaction, heard after its commit by who waits, in this process and all others.

On PostgreSQL the server carries it to every replica; SQLite has one process, whose writer passes it on. Word may get
lost with a connection, so who waits looks at the store as well, now and then and whenever hearing has begun anew.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from sqlalchemy import Connection, text

CHANNEL = "fieldpost_changes"
MAX_BYTES = 7_000
"""Of one notification; the server takes less than 8,000."""

Heard = Callable[[frozenset[str]], None]
"""Called in the event loop with the keys of what has changed; with none of them: anything may have."""


class Ear(Protocol):
    """Hears while it runs. `well`: at the moment nothing can be missed."""

    @property
    def well(self) -> bool: ...

    async def run(self) -> None: ...


def tell(conn: Connection, keys: Iterable[str]) -> None:
    """Whoever waits for one of these hears of it once this transaction is committed; keys have no blanks."""
    said = sorted(set(keys))
    if not said:
        return
    if conn.dialect.name == "sqlite":
        conn.info.setdefault(CHANNEL, set()).update(said)
    else:
        conn.execute(_NOTIFY, {"channel": CHANNEL, "said": list(packed(said))})


def packed(keys: Iterable[str], *, most: int = MAX_BYTES) -> Iterator[str]:
    """As few texts as they fit into: each is a notification of its own."""
    parts: list[str] = []
    size = 0
    for key in keys:
        if parts and size + len(key) > most:
            yield " ".join(parts)
            parts, size = [], 0
        parts.append(key)
        size += len(key) + 1
    if parts:
        yield " ".join(parts)


class Told:
    """What is told within one process."""

    def __init__(self) -> None:
        self._hearers: set[Heard] = set()

    def committed(self, conn: Connection) -> None:
        """For the writer, once it has committed. What was told by work that failed is passed on as well: no harm."""
        said = conn.info.pop(CHANNEL, None)
        if said:
            for heard in tuple(self._hearers):
                heard(frozenset(said))

    def ear(self, heard: Heard) -> Ear:
        return _Here(self._hearers, heard)


class _Here:
    """Hears what the writer of this process has committed."""

    well = True

    def __init__(self, hearers: set[Heard], heard: Heard) -> None:
        self._hearers = hearers
        self._heard = heard

    async def run(self) -> None:
        loop = asyncio.get_running_loop()

        def from_writer(keys: frozenset[str]) -> None:
            loop.call_soon_threadsafe(self._heard, keys)

        self._hearers.add(from_writer)
        try:
            await asyncio.Event().wait()
        finally:
            self._hearers.discard(from_writer)


_NOTIFY = text("SELECT pg_notify(:channel, said) FROM unnest(CAST(:said AS text[])) said")
