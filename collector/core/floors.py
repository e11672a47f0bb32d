"""Which programs can still work with a database whose schema is newer than they are.

Revisions that only expand leave every earlier program able to read and write. One that contracts says which revision
the oldest program that can do without what it took away was made for: that becomes a floor.
"""

from sqlalchemy import Column, Connection, String, Table, insert, inspect, select
from sqlmodel import SQLModel

schema_floor = Table("schema_floor", SQLModel.metadata, Column("revision", String, primary_key=True))


def known(conn: Connection) -> frozenset[str] | None:
    """Every floor that was set; None where there is no table for them."""
    if not inspect(conn).has_table(schema_floor.name):
        return None
    return frozenset(conn.execute(select(schema_floor.c.revision)).scalars())


def add(conn: Connection, revision: str) -> None:
    conn.execute(insert(schema_floor), {"revision": revision})
