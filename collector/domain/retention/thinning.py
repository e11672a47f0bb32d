"""While the database is larger than it may be, values go sooner than they would: the oldest first, and nothing else.

What they were by the hour and by the day stays. Findings, runs, tickets, activity are never touched.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from collector.core import disk
from collector.core.room import Terms
from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing, upsert
from collector.domain.retention import rules
from collector.domain.retention.rules import Keep
from collector.domain.retention.tables import chore
from common import logs

EVERY = timedelta(minutes=10)
_LOOKED, _CUT = "thinning", "thinned"
_ROUNDS = ("retention", "partitions")

log = logs.get(__name__)


def thinning(keep: Keep, terms: Terms) -> Callable[[Connection, datetime, int], int]:
    """The chore: each time that the database is found too large, values are kept for an eighth less of the time."""

    @across_tenants("the database is of all of them")
    def look(conn: Connection, now: datetime, _limit: int) -> int:
        if not _is_due(conn, now):
            return 0
        _save(conn, _LOOKED, now)
        fill = disk.measure(conn, terms)
        if not fill.can_shrink:
            return 0
        before = cut(conn, rules.cuts(keep, now).raw)
        sooner = rules.sooner(before, now)
        if sooner > before:
            log.warning("the database is too large: old values go", size=str(fill), kept_since=sooner.isoformat())
            _save(conn, _CUT, sooner)
            conn.execute(_DUE)
        return 0

    return look


@across_tenants("the chore is for all of them")
def cut(conn: Connection, usual: datetime) -> datetime:
    """Before when single values go."""
    thinned = _instant(conn, _CUT)
    return usual if thinned is None else max(usual, thinned)


@across_tenants("the chore is for all of them")
def _is_due(conn: Connection, now: datetime) -> bool:
    """Whether nobody has looked for long, and nobody else is at it."""
    _ADD(conn, [{"name": _LOOKED, "tenant_id": 0, "connection_id": 0, "done_at": None}])
    row = conn.execute(_MINE, {"name": _LOOKED}).one_or_none()
    return row is not None and (row.done_at is None or now >= row.done_at + EVERY)


@across_tenants("the chore is for all of them")
def _instant(conn: Connection, name: str) -> datetime | None:
    at: datetime | None = conn.execute(_AT, {"name": name}).scalar_one_or_none()
    return at


@across_tenants("the chore is for all of them")
def _save(conn: Connection, name: str, at: datetime) -> None:
    _PUT(conn, [{"name": name, "tenant_id": 0, "connection_id": 0, "done_at": at}])


_ADD, _PUT = insert_missing(chore), upsert(chore)
_AT = select(chore.c.done_at).where(chore.c.name == bindparam("name"))
_MINE = _AT.with_for_update(skip_locked=True)
_DUE = update(chore).where(chore.c.name.in_(_ROUNDS)).values(done_at=None)
