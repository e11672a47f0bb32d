"""Databases of a proof's own, in its scratch folder."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from collector import migrations
from collector.core.database import Database


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    """An SQLite database, up to date; on leaving, all of it is in this one file."""
    db = Database.open(f"sqlite:///{path}")
    try:
        await db.write(migrations.upgrade)
        yield db
    finally:
        await db.close()


def copy(source: Path, target: Path) -> Path:
    """A copy as of now, also of one that is written to."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)
    return target
