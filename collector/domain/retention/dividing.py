"""Keeps the partitions of time series on PostgreSQL: some ahead of time, strays in their place, old ones gone."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import OperationalError

from collector.core import partitions
from collector.core.columns import microseconds
from collector.core.partitions import HOURS, POINTS, Divided
from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing, upsert
from collector.domain.retention import rules, thinning
from collector.domain.retention.rules import Keep
from collector.domain.retention.tables import chore
from common import logs

EVERY = timedelta(hours=1)
AGAIN = timedelta(minutes=5)
_NAME = "partitions"
_LOCKED = {"55P03", "40P01"}

log = logs.get(__name__)


def keeping(keep: Keep) -> Callable[[Connection, datetime, int], int]:
    """The chore: one replica at a time, and only where nobody reads for long: it waits for half a second."""

    @across_tenants("partitions hold the rows of all of them")
    def look(conn: Connection, now: datetime, _limit: int) -> int:
        if not partitions.used(conn) or not _begin(conn, now):
            return 0
        cuts = rules.cuts(keep, now)
        try:
            with conn.begin_nested():
                conn.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")  # less than until a deadlock is looked for
                _tend(conn, {POINTS: thinning.cut(conn, cuts.raw), HOURS: cuts.hourly}, now)
                conn.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _LOCKED:
                raise
            log.info("partitions put off: they are being read", again_in_s=AGAIN.seconds)
            _save(conn, now - EVERY + AGAIN)
            return 0
        _save(conn, now)
        return 0

    return look


@across_tenants("partitions hold the rows of all of them")
def _tend(conn: Connection, before: Mapping[Divided, datetime], now: datetime) -> None:
    for table, cut in before.items():
        partitions.keep_ahead(conn, table, now)
        partitions.settle(conn, table, _lost(table, cut), now)
        gone = [
            part for part in partitions.expired(conn, table, cut) if table == POINTS or _is_done_with(conn, part, cut)
        ]
        partitions.drop(conn, gone)
        for part in gone:
            log.info("partition dropped", name=part.name)


def _lost(table: Divided, cut: datetime) -> datetime:
    """Hours become days before they go, and that takes a round of retention."""
    return cut if table == POINTS else cut - table.width


@across_tenants("partitions hold the rows of all of them")
def _is_done_with(conn: Connection, part: partitions.Part, cut: datetime) -> bool:
    """Its hours have become days; what is left a whole width later belongs to nobody any more."""
    return partitions.is_empty(conn, part) or part.end <= microseconds(cut - HOURS.width)


@across_tenants("the chore goes through all of them")
def _begin(conn: Connection, now: datetime) -> bool:
    """Whether it is due and nobody else is at it."""
    _ADD(conn, [{"name": _NAME, "tenant_id": 0, "connection_id": 0, "done_at": None}])
    row = conn.execute(_MINE, {"name": _NAME}).one_or_none()
    return row is not None and (row.done_at is None or now >= row.done_at + EVERY)


@across_tenants("the chore goes through all of them")
def _save(conn: Connection, done_at: datetime) -> None:
    _PUT(conn, [{"name": _NAME, "tenant_id": 0, "connection_id": 0, "done_at": done_at}])


_ADD, _PUT = insert_missing(chore), upsert(chore)
_MINE = select(chore.c.done_at).where(chore.c.name == bindparam("name")).with_for_update(skip_locked=True)
