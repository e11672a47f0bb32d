"""Integer ids: a sequence on PostgreSQL, a counter row on SQLite."""

from typing import Literal, get_args

from sqlalchemy import BigInteger, Column, Connection, MetaData, Sequence, String, Table, text
from sqlmodel import SQLModel

Counted = Literal[
    "tenant",
    "member",
    "connection",
    "run",
    "activity",
    "event",
    "ticket",
    "alert",
    "series",
    "service",
    "pin",
    "incident",
    "incident_update",
    "maintenance",
]

NAMES: tuple[Counted, ...] = get_args(Counted)

_NEXT_COUNTER = text(
    "INSERT INTO counter (name, value) VALUES (:name, :count)"
    " ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value RETURNING value"
)
_NEXT_SEQUENCE = text("SELECT nextval(CAST(:name AS regclass)) FROM generate_series(1, :count)")


def declare(metadata: MetaData) -> None:
    """Add what numbering needs to the schema."""
    Table(
        "counter",
        metadata,
        Column("name", String, primary_key=True),
        Column("value", BigInteger, nullable=False),
    )
    for name in NAMES:
        Sequence(sequence_of(name), metadata=metadata)


def sequence_of(name: Counted) -> str:
    return f"{name}_id_seq"


def take(conn: Connection, name: Counted, count: int = 1) -> list[int]:
    """`count` numbers that were never given out, ascending; none of them is 0."""
    if count == 0:
        return []
    if conn.dialect.name == "sqlite":
        last = conn.execute(_NEXT_COUNTER, {"name": name, "count": count}).scalar_one()
        return list(range(last - count + 1, last + 1))
    rows = conn.execute(_NEXT_SEQUENCE, {"name": sequence_of(name), "count": count})
    return sorted(rows.scalars())


declare(SQLModel.metadata)
