"""The activity log: what happened is appended in the transaction of its cause; lists are paged by time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.core import sequences
from collector.core.upsert import insert_missing
from collector.domain.activity.tables import activity_entry


class Entry(NamedTuple):
    """One thing that happened; who did it is `properties["by"]`, and a secret never is."""

    action_type: str
    properties: Mapping[str, object]
    occurred_at: datetime
    page_path: str | None = None


def append(conn: Connection, tenant_id: int, entries: Sequence[Entry]) -> None:
    """Record what the caller's transaction does; the chain takes the entries in once that is committed."""
    numbers = sequences.take(conn, "activity", len(entries))
    _INSERT(conn, (_row(tenant_id, number, entry) for number, entry in zip(numbers, entries, strict=True)))


def _row(tenant_id: int, number: int, entry: Entry) -> dict[str, object]:
    return {**entry._asdict(), "tenant_id": tenant_id, "id": number, "position": None, "hash": None}


_INSERT = insert_missing(activity_entry)
